// The chain of processors: every record goes through its steps in order, before a byte of it is kept. What has no step
// that needs it costs nothing: no object, no text.

import type { EventSink } from '../../core/collector.ts';
import type { Patterns } from '../../core/pattern.ts';
import { EVENTS, type ProcessorSpec, Stopped } from '../../core/processor.ts';
import type { LogRecord, Origins } from '../../core/record.ts';
import { compileConditions, type Test } from './condition.ts';
import { createAdd, createRemove, createRename } from './edit.ts';
import { createMetric } from './metric.ts';
import { createParse } from './parse.ts';
import { createRateLimit } from './rate-limit.ts';
import { createRedact } from './redact.ts';
import { createSample } from './sample.ts';
import { createSeverity } from './severity.ts';
import type { Step, StepRoom } from './step.ts';
import { Body, Unpacker } from './text.ts';

export interface Chain {
  /** Why a record of this collector goes no further; empty when it is to be kept, changed or not. */
  run(record: LogRecord, source: string): string;
  /** Which step the last record did not pass; meaningless when it did. */
  readonly stoppedAt: number;
  /** Tells what is due; `isLast`: there will be no other time. `now` in Unix ms. */
  tick(now: number, isLast: boolean): void;
}

export interface ChainRoom {
  readonly patterns: Patterns;
  readonly origins: Origins;
  readonly events: EventSink;
  readonly meterOf: StepRoom['meterOf'];
}

interface Link {
  readonly test: Test | undefined;
  readonly step: Step | undefined;
  /** What becomes of a record that fits, or does not fit. */
  readonly drop: Test | undefined;
  readonly keep: Test | undefined;
  /** Whether the agent's own events are its business. */
  readonly ofEvents: boolean;
  /** Whether its step changes more of a record than its body. */
  readonly edits: boolean;
}

/** Undefined for no processors. The configuration has checked every pattern. */
export function createChain(specs: readonly ProcessorSpec[], given: ChainRoom): Chain | undefined {
  if (specs.length === 0) return undefined;
  const body = new Body();
  const room: StepRoom = { ...given, body, unpacker: new Unpacker() };
  const links = specs.map(spec => link(spec, room));
  let stoppedAt = -1;

  return {
    run(record, source) {
      body.begin();
      const isEvent = source === EVENTS;
      for (let i = 0; i < links.length; i++) {
        const { test, step, drop, keep, ofEvents, edits } = links[i]!;
        if ((isEvent && !ofEvents) || (test !== undefined && !test(record, source))) continue;
        stoppedAt = i;
        if (drop?.(record, source) || keep?.(record, source) === false) return Stopped.Dropped;
        if (edits) record.outline = undefined;
        const reason = step?.run(record) ?? '';
        if (reason !== '') return reason;
      }
      return '';
    },
    get stoppedAt() {
      return stoppedAt;
    },
    tick(now, isLast) {
      for (const { step } of links) step?.tick?.(now, isLast);
    },
  };
}

function link(spec: ProcessorSpec, room: StepRoom): Link {
  const { when, drop, keep, redact, rate_limit, metric } = spec;
  const step = createStep(spec, room);
  const test = (conditions: ProcessorSpec['when']) => conditions && compileConditions(conditions, room);
  const named = [when, drop].some(each => each?.some(({ source }) => source?.includes(EVENTS)));
  return {
    test: test(when),
    step,
    drop: test(drop),
    keep: test(keep),
    ofEvents: redact !== undefined || named,
    edits: step !== undefined && rate_limit === undefined && metric === undefined,
  };
}

function createStep(spec: ProcessorSpec, room: StepRoom): Step | undefined {
  if (spec.redact) return createRedact(spec.redact, room);
  if (spec.parse) return createParse(spec.parse, room);
  if (spec.sample) return createSample(spec.sample, room);
  if (spec.rate_limit) return createRateLimit(spec.rate_limit, room);
  if (spec.add) return createAdd(spec.add, room);
  if (spec.rename) return createRename(spec.rename, room);
  if (spec.remove) return createRemove(spec.remove, room);
  if (spec.severity) return createSeverity(spec.severity, room);
  return spec.metric && createMetric(spec.metric, room);
}
