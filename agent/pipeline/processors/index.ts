// The processors of the agent: the chain in the flow, brought to whatever the configuration asks for.

import type { EventSink } from '../../core/collector.ts';
import type { DaemonSpec } from '../../core/daemon.ts';
import type { Family } from '../../core/metric.ts';
import type { Patterns } from '../../core/pattern.ts';
import type { ProcessorSpec } from '../../core/processor.ts';
import { createOrigins } from '../../core/record.ts';
import type { Flow, Processing } from '../flow.ts';
import { type Chain, createChain } from './chain.ts';
import { createOwnFormats, type OwnFormats } from './own-format.ts';
import { createUserMetrics } from './user-metrics.ts';

export interface Processors {
  /** Between two records: none is processed twice, none not at all. The same list keeps its state, the same metric its figures. */
  apply(specs: readonly ProcessorSpec[], daemons?: readonly Pick<DaemonSpec, 'name' | 'logs'>[]): void;
  /** The chain at work; undefined for no processors. */
  chain(): Chain | undefined;
  /** To be called about once a second: tells what is due. */
  tick(): void;
  families(): Iterable<Family>;
  /** Tells what is left to tell. */
  close(): void;
}

export function createProcessors(room: {
  readonly flow: Pick<Flow, 'process'>;
  readonly events: EventSink;
  readonly patterns: Patterns;
  /** Unix ms. */
  readonly now: () => number;
}): Processors {
  const { flow, events, patterns, now } = room;
  const metrics = createUserMetrics(now);
  const origins = createOrigins();
  let chain: Chain | undefined;
  let applied = '[]';
  let ownFormats: OwnFormats | undefined;
  let declared = '[]';

  const close = () => chain?.tick(now(), true);

  return {
    apply(specs, daemons = []) {
      const wanted = JSON.stringify(specs);
      const formats = JSON.stringify(daemons.map(({ name, logs }) => [name, logs.parse, logs.files.length]));
      if (wanted === applied && formats === declared) return;
      if (formats !== declared) ownFormats = createOwnFormats(daemons, patterns);
      declared = formats;
      if (wanted !== applied) {
        close();
        applied = wanted;
        metrics.keep(specs);
        chain = createChain(specs, { patterns, origins, events, meterOf: metrics.meterOf });
      }
      flow.process(compose(ownFormats, chain));
    },
    chain: () => chain,
    tick: () => chain?.tick(now(), false),
    families: metrics.families,
    close,
  };
}

/** A record is read in the format of its daemon first. */
function compose(read: OwnFormats | undefined, chain: Chain | undefined): Processing | undefined {
  if (read === undefined) return chain;
  return {
    run(record, source) {
      read(record, source);
      return chain === undefined ? '' : chain.run(record, source);
    },
  };
}
