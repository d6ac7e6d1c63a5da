import { expect, test } from 'vitest';
import { createLog, type LogOptions } from '../../agent/control/log.ts';

function start(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const clock = { now: Date.UTC(2026, 0, 2, 3, 4, 5), elapsed: 0 };
  const log = createLog({
    level: 'info',
    format: 'logfmt',
    write: line => lines.push(line),
    now: () => clock.now,
    elapsed: () => clock.elapsed,
    ...options,
  });
  return { log, lines, clock };
}

test.each([
  ['cannot open', {}, 'msg="cannot open"'],
  ['ok', {}, 'msg=ok'],
  ['x', { path: '/var/log/a b' }, 'msg=x path="/var/log/a b"'],
  ['x', { count: 3, on: true, none: undefined }, 'msg=x count=3 on=true'],
  ['a "quoted"\nline', {}, 'msg="a \\"quoted\\"\\nline"'],
  ['', {}, 'msg=""'],
])('logfmt %j %j', (message, fields, rest) => {
  const { log, lines } = start();
  log.info(message, fields);
  expect(lines).toEqual([`time=2026-01-02T03:04:05.000Z level=info ${rest}\n`]);
});

test('JSON lines parse back', () => {
  const { log, lines } = start({ format: 'json' });
  log.room('syslog').warn('a\n"b"', { n: 1 });
  expect(JSON.parse(lines[0]!)).toEqual({
    time: '2026-01-02T03:04:05.000Z',
    level: 'warn',
    room: 'syslog',
    msg: 'a\n"b"',
    n: 1,
  });
});

test('levels below the chosen one are silent', () => {
  const { log, lines } = start({ level: 'warn' });
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  expect(lines).toHaveLength(2);
});

test('repeats within ten seconds are held back and counted', () => {
  const { log, lines, clock } = start();
  for (let i = 0; i < 5; i++) log.warn('again', { i });
  log.room('other').warn('again');
  log.error('again');
  expect(lines).toHaveLength(3);
  clock.now -= 3_600_000;
  clock.elapsed += 10_000;
  log.warn('again');
  expect(lines.at(-1)).toMatch(/ msg=again repeated=4\n$/);
  clock.elapsed += 10_000;
  log.warn('again');
  expect(lines.at(-1)).toMatch(/ msg=again\n$/);
});

test('a flood of different messages does not grow the memory of repeats without bound', () => {
  const { log, lines } = start();
  for (let i = 0; i < 2000; i++) log.info(`message ${i}`);
  log.info('message 0');
  expect(lines).toHaveLength(2001);
});
