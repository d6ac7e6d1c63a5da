// Processors through reloads: what stays as it is keeps what it knows, and what goes tells what it owes.
import { expect, test } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import type { ProcessorSpec } from '../../../agent/core/processor.ts';
import { createOrigins, LogRecord, utf8 } from '../../../agent/core/record.ts';
import type { Processing } from '../../../agent/pipeline/flow.ts';
import { createProcessors } from '../../../agent/pipeline/processors/index.ts';
import { figure } from '../../figure.ts';

const origin = createOrigins().of('web', 'web');

function start() {
  const events: AgentEvent[] = [];
  const state: { processing?: Processing; changes: number } = { changes: 0 };
  const processors = createProcessors({
    flow: {
      process(processing) {
        state.processing = processing;
        state.changes++;
      },
    },
    events: { emit: event => events.push(event) },
    patterns: createPatterns(),
    now: () => 5000,
  });
  const run = (code = '200') => {
    const record = new LogRecord();
    record.origin = origin;
    record.attributes.text(utf8('code'), utf8(code));
    return state.processing?.run(record, 'syslog');
  };
  return { processors, events, state, run };
}

const metric = (name: string, max_series = 2): ProcessorSpec => ({
  metric: { name, type: 'counter', buckets: [], labels: { code: 'code' }, max_series },
});
const limit: ProcessorSpec = { rate_limit: { rate: '1/h', perSecond: 1 / 3600, burst: 1 } };

test('no processors are no chain; the same list is left alone', () => {
  const { processors, state } = start();
  processors.apply([]);
  expect([state.changes, processors.chain()]).toEqual([0, undefined]);
  processors.apply([metric('a')]);
  const chain = processors.chain();
  processors.apply([metric('a')]);
  expect(processors.chain()).toBe(chain);
  processors.apply([]);
  expect([state.changes, state.processing]).toEqual([2, undefined]);
});

test('a metric keeps its figures and its limit while it stays the same, and begins anew when it changes', () => {
  const { processors, run } = start();
  const count = (code: string, daemon = 'web') => figure(processors, 'n_total', { daemon, code });
  processors.apply([metric('n')]);
  run('200');
  run('404');
  processors.apply([metric('n'), { add: { a: 1 } }]);
  run('200');
  run('500');
  run('501');
  expect([count('200'), count('404'), count('500'), count('other', 'other')]).toEqual([2, 1, undefined, 2]);
  processors.apply([metric('n', 3)]);
  expect([count('200'), count('other', 'other')]).toEqual([undefined, undefined]);
  run('500');
  expect(count('500')).toBe(1);
  processors.apply([]);
  expect([...processors.families()]).toEqual([]);
});

test('what a limit has suppressed is told when it goes, and at the end', () => {
  const { processors, events, run } = start();
  processors.apply([limit]);
  expect([run(), run(), run()]).toEqual(['', 'rate_limited', 'rate_limited']);
  processors.apply([limit, { add: { a: 1 } }]);
  expect(events.map(({ attributes }) => attributes['eudaemon.suppressed.count'])).toEqual([2]);
  expect([run(), run()]).toEqual(['', 'rate_limited']);
  processors.tick();
  processors.close();
  expect(events).toHaveLength(2);
});
