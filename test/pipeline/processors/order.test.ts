// Steps in any order and number: each finds what the others left, and no attribute stands twice.
import fc from 'fast-check';
import { test } from 'vitest';
import { chainOf, type Given } from './rig.ts';

const step = fc.constantFrom(
  'parse: json',
  'parse: logfmt',
  'parse: nginx',
  'parse: { regex: "^(?P<a>\\\\S+) (?P<b>.*)$" }',
  'parse: { format: csv, columns: [a, b, level] }',
  'redact: all',
  'redact: { patterns: "[0-9]+", attributes: [a, user.id] }',
  'add: { a: 1, trace_id: z, eudaemon.parse_error: q, log.record.original: o }',
  'rename: { a: b, b: c, c: a, syslog.procid: process.pid }',
  'remove: [a, "s*"]',
  'severity: { attribute: level }',
  'sample: { ratio: 0.9, by: a }',
);
const body = fc.constantFrom(
  '{"a":1,"b":{"a":1,"a":2},"user.id":"x","password":"p","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}',
  '{"log.record.uid":"u","parsed.log.record.uid":"v","eudaemon.parse_error":"x","parsed.a":1,"a":2}',
  '{"msg":"a=1 b=2","log":{"level":"warn"},"log.level":"info","process.pid":3,"syslog.procid":"4"}',
  'a=1 b=2 level=error a=3 parsed.a=4',
  '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET /?password=x HTTP/1.1" 404 12 "-" "x"',
  'x,y,warn',
  '',
);
const given: fc.Arbitrary<Given> = fc.record({
  body: fc.oneof(
    body,
    body.map(text => Buffer.concat([Buffer.from(text), Buffer.of(0xff)])),
  ),
  attributes: fc.constantFrom<NonNullable<Given['attributes']>[]>(
    {},
    { a: 'x', b: 2, c: true },
    { 'eudaemon.parse_error': 'e', 'parsed.a': 'k' },
  ),
  constants: fc.constantFrom<NonNullable<Given['constants']>[]>(
    {},
    { 'process.pid': 1, 'syslog.procid': '3' },
  ),
});

test('say nothing twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      fc.array(given),
      async (steps, records) => {
        const chain = await chainOf(steps.map(each => `- ${each}`).join('\n'));
        // Throws where an attribute stands twice.
        for (const record of records) chain.run(record);
      },
    ),
    { numRuns: 200 },
  );
});
