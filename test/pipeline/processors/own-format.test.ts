// What daemons say over syslog is read in the format of their logs; what they write to files was read there.
import { expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { LineFormat } from '../../../agent/core/daemon.ts';
import { createOrigins, LogRecord, SYSLOG_SEVERITY, utf8 } from '../../../agent/core/record.ts';
import type { Processing } from '../../../agent/pipeline/flow.ts';
import { createProcessors } from '../../../agent/pipeline/processors/index.ts';
import { received } from '../../collectors/files/rig.ts';

const origins = createOrigins();
const daemon = (name: string, parse: LineFormat, files: string[] = []) => ({
  name,
  logs: { identifiers: [name], files, parse },
});
const DAEMONS = [
  daemon('containerd', 'logfmt'),
  daemon('redis', 'redis', ['/var/log/redis.log']),
  daemon('app', 'json'),
  daemon('pod', 'cri'),
  daemon('plain', 'none'),
];

function start() {
  const state: { processing?: Processing; changes: number } = { changes: 0 };
  const processors = createProcessors({
    flow: {
      process(processing) {
        state.processing = processing;
        state.changes++;
      },
    },
    events: { emit() {} },
    patterns: createPatterns(),
    now: () => 0,
  });
  return { processors, state };
}

function read(from: string, service: string, body: string, processors: object[] = []) {
  const { processors: chain, state } = start();
  chain.apply(processors, DAEMONS);
  const record = new LogRecord();
  record.origin = origins.of(service, service);
  record.buf = utf8(body);
  record.bodyEnd = record.buf.length;
  record.severity = SYSLOG_SEVERITY[6]!.number;
  record.attributes.text(utf8('syslog.procid'), utf8('1'));
  const reason = state.processing!.run(record, from);
  const { attributes, ...rest } = received(record);
  return { reason, body: rest.body, severity: rest.severity, attributes };
}

const KNOWN = { 'syslog.procid': '1' };
const MESSAGE = 'level=error msg="no such image" id=7';

it.each<[string, string, string, object]>([
  [
    'syslog',
    'containerd',
    MESSAGE,
    { body: 'no such image', severity: 17, attributes: { ...KNOWN, id: '7' } },
  ],
  ['journald', 'containerd', 'msg=hi', { body: 'hi', severity: 9, attributes: KNOWN }],
  [
    'syslog',
    'containerd',
    'panic!',
    { body: 'panic!', severity: 9, attributes: { ...KNOWN, 'eudaemon.parse_error': 'not logfmt' } },
  ],
  ['syslog', 'redis', 'ready', { body: 'ready', severity: 9, attributes: KNOWN }],
  [
    'syslog',
    'app',
    '{"level":"warn","syslog.procid":"2","msg":"m"}',
    { body: 'm', severity: 13, attributes: { ...KNOWN, 'parsed.syslog.procid': '2' } },
  ],
  ['files', 'containerd', MESSAGE, { body: MESSAGE, attributes: KNOWN }],
  ['events', 'containerd', MESSAGE, { body: MESSAGE, attributes: KNOWN }],
  ['syslog', 'pod', MESSAGE, { body: MESSAGE, attributes: KNOWN }],
  ['syslog', 'plain', MESSAGE, { body: MESSAGE, attributes: KNOWN }],
  ['syslog', 'stranger', MESSAGE, { body: MESSAGE, attributes: KNOWN }],
])('from %s by %s: %s', (from, service, body, expected) => {
  expect(read(from, service, body)).toMatchObject({ reason: '', ...expected });
  expect(read(from, service, body).attributes).toEqual((expected as { attributes: object }).attributes);
});

it('comes before the processors', () => {
  const keep = [{ keep: [{ severity: [17, 24] }] }];
  expect(read('syslog', 'containerd', MESSAGE, keep).reason).toBe('');
  expect(read('syslog', 'containerd', 'msg=hi', keep).reason).toBe('processor_drop');
});

it('changes when a format does, and for nothing else', () => {
  const { processors, state } = start();
  const apply = (...daemons: ReturnType<typeof daemon>[]) => {
    processors.apply([], daemons);
    return [state.changes, state.processing !== undefined];
  };
  expect(apply(daemon('a', 'none'))).toEqual([1, false]);
  expect(apply(daemon('a', 'json'))).toEqual([2, true]);
  expect(apply(daemon('a', 'json'))).toEqual([2, true]);
  expect(apply()).toEqual([3, false]);
});
