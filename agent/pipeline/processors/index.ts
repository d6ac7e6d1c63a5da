// The processors of the agent: the chain in the flow, brought to whatever the configuration asks for.

import type { EventSink } from '../../core/collector.ts';
import type { Family } from '../../core/metric.ts';
import type { Patterns } from '../../core/pattern.ts';
import type { ProcessorSpec } from '../../core/processor.ts';
import { createOrigins } from '../../core/record.ts';
import type { Flow } from '../flow.ts';
import { type Chain, createChain } from './chain.ts';
import { createUserMetrics } from './user-metrics.ts';

export interface Processors {
  /** Between two records: none is processed twice, none not at all. The same list keeps its state, the same metric its figures. */
  apply(specs: readonly ProcessorSpec[]): void;
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

  const close = () => chain?.tick(now(), true);

  return {
    apply(specs) {
      const wanted = JSON.stringify(specs);
      if (wanted === applied) return;
      close();
      applied = wanted;
      metrics.keep(specs);
      chain = createChain(specs, { patterns, origins, events, meterOf: metrics.meterOf });
      flow.process(chain);
    },
    chain: () => chain,
    tick: () => chain?.tick(now(), false),
    families: metrics.families,
    close,
  };
}
