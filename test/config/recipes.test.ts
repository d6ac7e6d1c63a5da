// What recipes say of log lines, told of lines as the daemons write them.
import { describe, expect, it } from 'vitest';
import { createPatterns } from '../../agent/config/index.ts';
import { createRecipes } from '../../agent/config/recipes.ts';
import { createParser } from '../../agent/core/formats/index.ts';
import { LogRecord, severityLabel, utf8 } from '../../agent/core/record.ts';

const recipes = createRecipes();

/** Undefined for a line of another format; the time in local time, without a zone. */
function parse(recipe: string, line: string) {
  const { format } = createParser(recipes.read(recipe).logs?.parse ?? 'none', createPatterns());
  const record = new LogRecord();
  record.observedSeconds = 1_800_000_000;
  record.buf = utf8(line);
  record.bodyEnd = record.buf.length;
  if (!format?.(record)) return undefined;
  const body = new TextDecoder().decode(record.buf.subarray(record.bodyStart, record.bodyEnd));
  return [severityLabel(record.severity), record.seconds, body];
}

const local = (text: string) => Math.floor(new Date(text).getTime() / 1000);
const AT = local('2026-11-24T15:30:14');

const LINES: [recipe: string, line: string, expected: unknown[] | undefined][] = [
  ['redis', '71:M 24 Nov 2026 15:30:14.123 * Ready', ['notice', AT, 'Ready']],
  ['redis', '71:C 24 Nov 2026 15:30:14.123 # low memory', ['warning', AT, 'low memory']],
  ['redis', '71:X 24 Nov 2026 15:30:14.123 . tick', ['debug', AT, 'tick']],
  ['redis', '71:M 24 Nov 2026 15:30:14.123 ! odd', undefined],
  ['redis', '                _._   ', undefined],
  ['mosquitto', '1790000000: mosquitto running', ['none', 1_790_000_000, 'mosquitto running']],
  ['mosquitto', '1790000000: Error: Address in use', ['err', 1_790_000_000, 'Error: Address in use']],
  ['mosquitto', 'Warning: no time', undefined],
  ['mysql', '2026-11-24 15:30:14 0 [Note] ready', ['notice', AT, 'ready']],
  [
    'mysql',
    '2026-11-24T15:30:14.123456Z 7 [ERROR] [MY-1] [Server] bad\nworse',
    ['err', local('2026-11-24T15:30:14Z'), 'bad\nworse'],
  ],
  ['mysql', '2026-11-24T15:30:14.1Z 0 [System] up', ['info', local('2026-11-24T15:30:14Z'), 'up']],
  ['mysql', 'Version: 10.11', undefined],
  ['postgres', '2026-11-24 15:30:14.123 CET [9] LOG:  ready', ['info', AT, 'ready']],
  [
    'postgres',
    '2026-11-24 15:30:14.123 UTC [9] a@b ERROR:  no\n\ttable',
    ['err', local('2026-11-24T15:30:14Z'), 'no\n\ttable'],
  ],
  ['postgres', '2026-11-24 15:30:14 CET [9] FATAL:  gone', ['crit', AT, 'gone']],
  ['postgres', '2026-11-24 15:30:14 CET LOG: one blank', undefined],
  ['supervisord', "2026-11-24 15:30:14,123 CRIT Can't drop", ['crit', AT, "Can't drop"]],
  ['supervisord', '2026-11-24 15:30:14,123 BLAT all', ['debug', AT, 'all']],
  ['supervisord', 'Traceback:', undefined],
  ['cupsd', 'E [24/Nov/2026:15:30:14 +0000] Unable', ['err', local('2026-11-24T15:30:14Z'), 'Unable']],
  ['cupsd', 'Q [24/Nov/2026:15:30:14 +0000] odd', undefined],
  ['php-fpm', '[24-Nov-2026 15:30:14] NOTICE: ready', ['notice', AT, 'ready']],
  ['php-fpm', '[24-Nov-2026 15:30:14] WARNING: [pool www] busy', ['warning', AT, '[pool www] busy']],
  ['php-fpm', 'NOTICE: PHP message', undefined],
  ['pm2', '2026-11-24T15:30:14: PM2 error: App died', ['err', AT, 'App died']],
  ['pm2', '2026-11-24T15:30:14: PM2 log: online', ['info', AT, 'online']],
  ['pm2', '=====', undefined],
  [
    'rabbitmq',
    '2026-11-24 15:30:14.123456+00:00 [warning] <0.1.0> alarm',
    ['warning', local('2026-11-24T15:30:14Z'), '<0.1.0> alarm'],
  ],
  ['rabbitmq', '  ##  ##', undefined],
  [
    'tensorflow-serving',
    '2026-11-24 15:30:14.123456: W tensorflow_serving/x.cc:7] slow',
    ['warning', AT, 'slow'],
  ],
  ['tensorflow-serving', '2026-11-24 15:30:14.123456: V x] odd', undefined],
  ['torchserve', '2026-11-24T15:30:14,123 [WARN ] main org.x.Y - slow', ['warning', AT, 'slow']],
  ['torchserve', 'java.lang.Error: x', undefined],
  ['triton', 'E1124 15:30:14.123456 1 server.cc:7] failed', ['err', AT, 'failed']],
  ['triton', '+-------+', undefined],
  ['vllm', 'INFO 11-24 15:30:14 [api_server.py:7] ready', ['info', 0, 'ready']],
  ['vllm', '(APIServer pid=7) ERROR 11-24 15:30:14 [core.py:7] out', ['err', 0, 'out']],
  ['vllm', 'INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200 OK', undefined],
  ['nginx', '2026/11/24 15:30:14 [error] 7#7: *1 open() failed', ['err', AT, expect.anything()]],
  ['prometheus', 'ts=2026-11-24T15:30:14Z level=warn msg=old', ['warning', expect.anything(), 'old']],
];

describe('a line', () => {
  it.each(LINES)('of %s: %j', (recipe, line, expected) => {
    if (expected === undefined) expect(parse(recipe, line)).toBeUndefined();
    else expect(parse(recipe, line)).toEqual(expected);
  });
});

/** A daemon's own program that only answers is no instance. */
it.each([
  ['postfix', '/usr/lib/postfix/sbin/master -w', true],
  ['postfix', '/usr/lib/postfix/sbin/master', true],
  ['postfix', '/usr/lib/postfix/sbin/master -t', false],
  ['mysql', '/usr/sbin/mariadbd --basedir=/usr --datadir=/var/lib/mysql', true],
  ['mysql', '/usr/sbin/mysqld --port=3307', true],
  ['mysql', 'mysqld -u mysql', true],
  ['mysql', 'mariadbd', true],
  ['mysql', '/usr/sbin/mariadbd --print-defaults', false],
  ['mysql', '/usr/sbin/mysqld --verbose --help', false],
  ['mysql', 'mysqld --version', false],
  ['mysql', 'mysqld -V', false],
])('%s is %s: %s', (recipe, cmdline, is) =>
  expect(createPatterns().regex(recipes.read(recipe).match!.cmdline!).test(cmdline)).toBe(is),
);
