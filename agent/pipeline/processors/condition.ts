// Conditions, compiled: whether a record is meant. What is cheap to ask is asked first.

import type { Condition, Criteria } from '../../core/processor.ts';
import { type LogRecord, utf8 } from '../../core/record.ts';
import type { StepRoom } from './step.ts';
import { valueText } from './text.ts';

/** `source` is the collector the record comes from. */
export type Test = (record: LogRecord, source: string) => boolean;

/** Whether any of the alternatives holds. Throws when a pattern does not compile; the configuration has checked it. */
export function compileConditions(conditions: readonly Condition[], room: StepRoom): Test {
  const tests = conditions.map(condition => compile(condition, room));
  if (tests.length === 1) return tests[0]!;
  return (record, source) => {
    for (const test of tests) if (test(record, source)) return true;
    return false;
  };
}

function compile({ not, ...criteria }: Condition, room: StepRoom): Test {
  const fits = compileCriteria(criteria, room);
  if (not === undefined) return fits;
  const excluded = compileCriteria(not, room);
  return (record, source) => fits(record, source) && !excluded(record, source);
}

function compileCriteria({ daemon, source, severity, body, attributes }: Criteria, room: StepRoom): Test {
  const daemons = daemon && new Set(daemon);
  const sources = source && new Set(source);
  const pattern = body === undefined ? undefined : room.patterns.regex(body);
  const wanted = Object.entries(attributes ?? {}).map(([key, value]) => ({
    key: utf8(key),
    pattern: room.patterns.regex(value),
  }));

  const fitsAttributes = (record: LogRecord): boolean => {
    room.unpacker.unpack(record.attributes);
    for (const each of wanted) {
      const at = record.attributes.find(each.key);
      const text = at < 0 ? undefined : valueText(record.attributes, at);
      if (text === undefined || !each.pattern.test(text)) return false;
    }
    return true;
  };

  return (record, from) => {
    if (sources !== undefined && !sources.has(from)) return false;
    if (severity !== undefined && (record.severity < severity[0] || record.severity > severity[1]))
      return false;
    if (daemons !== undefined && !daemons.has(record.origin.service)) return false;
    if (wanted.length > 0 && !fitsAttributes(record)) return false;
    return pattern === undefined || pattern.test(room.body.of(record));
  };
}
