// Whether exporters would find their receivers: real sockets, files and names.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { targets } from '../../../agent/cli/targets.ts';
import type { Config } from '../../../agent/config/index.ts';
import { loadNative } from '../../../agent/native/index.ts';

const native = loadNative()!;
let dir = '';
let undo: (() => unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eudaemon-targets-'));
  undo = [() => rmSync(dir, { recursive: true })];
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

const look = (exporters: Config['exporters']) => targets({ exporters } as Config, {});
const what = async (exporters: Config['exporters']) =>
  (await look(exporters)).map(each => each.what.replace(dir, ''));

async function listening(at: number | string) {
  const server = createServer(socket => socket.destroy());
  await new Promise<void>(done => server.listen(at as string, done));
  const close = () => new Promise(done => server.close(done));
  undo.push(close);
  return { close, ...(server.address() as { port: number }) };
}

function datagrams(path: string) {
  const fd = native.bindUnix(path);
  undo.push(() => native.close(fd));
}

test('nothing is looked for where nothing goes', async () =>
  expect(await look({ otlp: false, syslog: false, store: {} })).toEqual([]));

test('alert', async () => {
  const { port, close } = await listening(0);
  const url = `http://127.0.0.1:${port}`;
  const [webhook, alertmanager] = [`${url}/secret`, url];
  expect(await look({ alert: { exec: [process.execPath], webhook, alertmanager } })).toEqual([]);
  expect(await look({ alert: { exec: ['found-by-its-path'] } })).toEqual([]);
  await close();
  const unreachable = (key: string) => ({
    what: `cannot reach "${url}": connection refused`,
    fix: `start the receiver there, or set exporters.alert.${key}; until then alerts wait`,
  });
  expect(await look({ alert: { exec: ['/no/such'], webhook, alertmanager } })).toEqual([
    {
      what: 'cannot run "/no/such": no such file or directory',
      fix: 'make it executable, or set exporters.alert.exec; until then alerts wait',
    },
    unreachable('webhook'),
    unreachable('alertmanager'),
  ]);
});

test('otlp', async () => {
  const { port, close } = await listening(0);
  const otlp = { endpoint: `http://127.0.0.1:${port}`, logs: true, metrics: true };
  expect(await look({ otlp })).toEqual([]);
  await close();
  expect(await look({ otlp })).toEqual([
    {
      what: `cannot reach "http://127.0.0.1:${port}": connection refused`,
      fix: 'start the receiver there, or set exporters.otlp.endpoint; until then records wait in the spool',
    },
  ]);
  expect(await look({ otlp: { ...otlp, logs: false, metrics: false } })).toEqual([]);
});

describe('syslog', () => {
  test.each<[string, (path: string) => unknown, 'dgram' | 'stream', string[]]>([
    ['a datagram socket', datagrams, 'dgram', []],
    ['a stream socket', listening, 'stream', []],
    ['nobody', () => {}, 'dgram', ['cannot reach "/s": no such file or directory']],
    [
      'a socket that nobody holds any more',
      path => native.close(native.bindUnix(path)),
      'dgram',
      ['cannot reach "/s": connection refused'],
    ],
    ['a stream socket for datagrams', listening, 'dgram', ['"/s" is no socket of type dgram']],
    ['a datagram socket for a stream', datagrams, 'stream', ['"/s" is no socket of type stream']],
  ])('%s', async (_, prepare, type, expected) => {
    const path = join(dir, 's');
    await prepare(path);
    expect(await what({ syslog: { path, type } })).toEqual(expected);
  });

  test('TCP', async () => {
    const { port, close } = await listening(0);
    const syslog = { tcp: `[::1]:${port}` };
    expect(await look({ syslog })).toEqual([]);
    await close();
    expect(await look({ syslog })).toEqual([
      {
        what: `cannot reach "[::1]:${port}": connection refused`,
        fix: 'start the receiver there, or set exporters.syslog.tcp; until then records wait in the spool',
      },
    ]);
  });

  test('UDP: whether there is such a host', async () => {
    expect(await look({ syslog: { udp: '127.0.0.1:9' } })).toEqual([]);
    expect(await what({ syslog: { udp: 'nobody.invalid:514' } })).toEqual([
      expect.stringContaining('cannot reach "nobody.invalid:514": '),
    ]);
  });
});

test.each([
  ['a file to be', '/out.ndjson', []],
  ['a file', '/there', []],
  ['below what is not there', '/none/out', ['cannot write file "/none/out": no such file or directory']],
  ['a directory', '/directory', ['cannot write file "/directory": it is a directory']],
  ['below a file', '/there/out', ['cannot write file "/there/out": not a directory']],
])('file: %s', async (_, path, expected) => {
  writeFileSync(join(dir, 'there'), '');
  mkdirSync(join(dir, 'directory'));
  expect(await what({ file: { path: join(dir, path) } })).toEqual(expected);
  expect(await look({ file: { path: '-' } })).toEqual([]);
});
