// What does a log record cost on its way into OTLP and back? Ours beside the OpenTelemetry project's own encoder.

import { encodeAttribute } from '../agent/core/attribute.ts';
import { decodeLogs } from '../agent/core/decode.ts';
import { encodeOutline, encodeRecord, encodeResource, sealRequest } from '../agent/core/encode.ts';
import { ProtoWriter } from '../agent/core/protobuf.ts';
import { LogRecord, SYSLOG_SEVERITY, utf8 } from '../agent/core/record.ts';
import { encodeOfficial } from '../test/official.ts';

const RECORDS = 3000;
const ROUNDS = 60;
const LINE = utf8(`<30>Nov 22 17:00:00 host nginx[4711]: ${'x'.repeat(112)}`);
const BODY = 38;
const NUMBERS = ['syslog.facility', 'process.pid', 'user.id'];
const TEXTS: [key: string, start: number, end: number][] = [
  ['syslog.hostname', 20, 24],
  ['syslog.appname', 25, 30],
  ['syslog.procid', 31, 35],
];
const numberKeys = NUMBERS.map(utf8);
const textKeys = TEXTS.map(([key]) => utf8(key));
const cached = Uint8Array.from(
  [...NUMBERS, ...TEXTS.map(([key]) => key)].flatMap(key => [...encodeAttribute(key, '4711')]),
);

const w = new ProtoWriter(2 ** 20);
const r = new LogRecord();
const severity = SYSLOG_SEVERITY[6]!;

function fill(position: number): void {
  r.clear();
  r.buf = LINE;
  r.bodyStart = BODY;
  r.bodyEnd = LINE.length;
  r.seconds = r.observedSeconds = 1_795_000_000;
  r.nanos = r.observedNanos = 123_456_789;
  r.severity = severity.number;
  r.severityText = severity.bytes;
  r.position = position;
}

function apart(): void {
  w.reset();
  for (let i = 0; i < RECORDS; i++) {
    fill(i);
    for (const key of numberKeys) r.attributes.int(key, 4711);
    TEXTS.forEach(([, start, end], k) => {
      r.attributes.text(textKeys[k]!, LINE, start, end);
    });
    encodeRecord(w, r);
  }
}

function together(): void {
  w.reset();
  for (let i = 0; i < RECORDS; i++) {
    fill(i);
    r.attributes.fields(cached);
    encodeRecord(w, r);
  }
}

fill(0);
r.attributes.fields(cached);
const outline = encodeOutline(r);
function outlined(): void {
  w.reset();
  for (let i = 0; i < RECORDS; i++) {
    fill(i);
    r.outline = outline;
    encodeRecord(w, r);
  }
}

const attributes = [
  ...NUMBERS.map(key => ({ key, value: { intValue: '4711' } })),
  ...TEXTS.map(([key]) => ({ key, value: { stringValue: '4711' } })),
  { key: 'log.record.uid', value: { stringValue: '0'.repeat(32) } },
];
function official(): void {
  const logRecords = Array.from({ length: RECORDS }, () => ({
    timeUnixNano: '1795000000123456789',
    observedTimeUnixNano: '1795000000123456789',
    severityNumber: severity.number,
    severityText: severity.text,
    body: { stringValue: 'x'.repeat(112) },
    attributes,
  }));
  encodeOfficial('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

/** Median of the rounds, in µs a record. */
function measure(name: string, act: () => void): void {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    act();
    times.push(((performance.now() - begin) * 1000) / RECORDS);
  }
  console.log(`${name.padEnd(40)} ${times.sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(2)} µs a record`);
}

measure('encode, six attributes one by one', apart);
measure('encode, six attributes from a cache', together);
measure('encode, all but the body from a cache', outlined);
const origin = { service: 'nginx', daemon: 'nginx', host: undefined, attributes: [] };
const request = sealRequest([{ resource: encodeResource(origin, []), records: w.copy() }]);
measure('decode', () => {
  for (const record of decodeLogs(request)) if (record.severity !== severity.number) throw new Error('wrong');
});
measure('official encoder, from plain objects', official);
