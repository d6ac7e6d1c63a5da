// What is known of pods: from the paths of their logs, and their labels from an API server, which may refuse, forget, hang up.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { containerLogOf } from '../../../collectors/files/containers.ts';
import { createPods, type Pods } from '../../../collectors/files/pods.ts';
import { SERVER } from '../../certificates.ts';
import { Rig } from './rig.ts';

const ID = 'a'.repeat(64);

describe('a path', () => {
  it.each<[string, Record<string, string> | undefined]>([
    [
      '/var/log/pods/shop_web-0_1234-5678/nginx/2.log',
      {
        'k8s.namespace.name': 'shop',
        'k8s.pod.name': 'web-0',
        'k8s.pod.uid': '1234-5678',
        'k8s.container.name': 'nginx',
        'k8s.container.restart_count': '2',
      },
    ],
    ['/host/var/log/pods/a_b_c/d/0.log.20261101-120000', { 'k8s.container.restart_count': '0' }],
    [
      `/var/log/containers/web-0_shop_nginx-${ID}.log`,
      {
        'k8s.namespace.name': 'shop',
        'k8s.pod.name': 'web-0',
        'k8s.container.name': 'nginx',
        'container.id': ID,
      },
    ],
    [`/var/lib/docker/containers/${ID}/${ID}-json.log`, { 'container.id': ID }],
    [`/srv/docker/containers/${ID}/${ID}-json.log.1`, { 'container.id': ID }],
    [`/var/lib/containers/storage/overlay-containers/${ID}/userdata/ctr.log`, { 'container.id': ID }],
    [`/var/lib/docker/containers/${ID}/${'b'.repeat(64)}-json.log`, undefined],
    ['/var/log/pods/a_b_c/d/x.log', undefined],
    ['/var/log/pods/a_b/d/0.log', undefined],
    ['/var/log/containers/web-0_shop_nginx-abc.log', undefined],
    ['/var/log/syslog', undefined],
  ])('%s', (path, expected) => {
    const pod = containerLogOf(path);
    if (expected === undefined) expect(pod).toBeUndefined();
    else expect(Object.fromEntries(pod!.attributes)).toMatchObject(expected);
  });
});

let server: Server;
let account: string;
let api: string;
let asked: string[];
let messages: string[];
let pods: Pods | undefined;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  account = mkdtempSync(join(tmpdir(), 'eudaemon-account-'));
  writeFileSync(join(account, 'token'), 'secret\n');
  writeFileSync(join(account, 'ca.crt'), SERVER.cert);
  asked = [];
  messages = [];
  server = createServer(SERVER, (request, response) => {
    asked.push(request.url!);
    if (request.headers.authorization !== 'Bearer secret') response.writeHead(401).end();
    else answer(request, response);
  });
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  api = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  pods?.close();
  pods = undefined;
  server.closeAllConnections();
  await new Promise(closed => server.close(closed));
  rmSync(account, { recursive: true });
});

const tell = (message: string) => void messages.push(message);
const log = { debug() {}, info: tell, warn: tell, error: tell, room: () => log };
const options = () => ({ labels: true, node: 'n1', api, account });
const open = (given: object = {}, env = {}) => {
  pods = createPods({ ...options(), ...given }, log, env, () => 10);
  return pods;
};
const pod = (uid: string, labels: object | undefined, annotations = {}) => ({
  metadata: { uid, labels, annotations, resourceVersion: '5' },
});
const list = (items: object[], metadata = {}) =>
  JSON.stringify({ metadata: { resourceVersion: '7', ...metadata }, items });
const isWatch = ({ url }: IncomingMessage) => url!.includes('watch=1');
const labels = (uid: string) => Object.fromEntries(pods!.labelsOf(uid));

describe('labels', () => {
  it('are listed by node, in pages, then watched from there', async () => {
    const watches: ServerResponse[] = [];
    answer = (request, response) => {
      expect(request.headers.accept).toContain('as=PartialObjectMetadata');
      if (isWatch(request)) {
        watches.push(response);
        response.write('');
        response.flushHeaders();
      } else if (request.url!.includes('continue=more')) response.end(list([pod('u2', { app: 'b' })]));
      else response.end(list([pod('u1', { app: 'a', 'x.io/y': '' })], { continue: 'more' }));
    };
    await open().settled(10_000);
    expect(labels('u1')).toEqual({ 'k8s.pod.label.app': 'a', 'k8s.pod.label.x.io/y': '' });
    expect(labels('u2')).toEqual({ 'k8s.pod.label.app': 'b' });
    expect(labels('u3')).toEqual({});
    expect(decodeURIComponent(asked[0]!)).toContain('fieldSelector=spec.nodeName=n1');
    await vi.waitFor(() => expect(watches).toHaveLength(1));
    expect(asked.at(-1)).toContain('resourceVersion=7');
    const event = JSON.stringify({ type: 'ADDED', object: pod('u3', { app: 'c' }) });
    const { version } = pods!;
    watches[0]!.write(event.slice(0, 20));
    watches[0]!.write(
      `${event.slice(20)}\n\n${JSON.stringify({ type: 'DELETED', object: pod('u1', {}) })}\n`,
    );
    await vi.waitFor(() => expect(labels('u3')).toEqual({ 'k8s.pod.label.app': 'c' }));
    expect(pods!.version).toBeGreaterThan(version);
    // The logs of a pod that is gone are still read.
    expect(labels('u1')).toMatchObject({ 'k8s.pod.label.app': 'a' });
    watches[0]!.end();
    await vi.waitFor(() => expect(watches).toHaveLength(2));
    expect(asked.at(-1)).toContain('resourceVersion=5');
    expect(messages).toEqual([]);
  });

  it('of a static pod go by the uid of its logs', async () => {
    answer = (request, response) => {
      if (!isWatch(request))
        response.end(list([pod('mirror', { tier: 'x' }, { 'kubernetes.io/config.hash': 'hash' })]));
    };
    await open().settled(10_000);
    expect(labels('hash')).toEqual({ 'k8s.pod.label.tier': 'x' });
    expect(labels('mirror')).toEqual({});
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['is told that it comes too late', response => response.end('{"type":"ERROR","object":{"code":410}}\n')],
    ['is cut', response => response.destroy()],
    ['is no JSON', response => response.end('<html>\n')],
    ['is refused', response => response.writeHead(500).end()],
  ])('are listed again when a watch %s', async (_, end) => {
    let lists = 0;
    answer = (request, response) => {
      if (!isWatch(request)) response.end(list([pod('u1', { n: String(++lists) })]));
      else if (lists === 1) end(response);
    };
    open();
    await vi.waitFor(() => expect(labels('u1')).toEqual({ 'k8s.pod.label.n': '2' }), { timeout: 10_000 });
    expect(messages.length).toBeLessThanOrEqual(1);
  });

  it('are absent with one message when they are not allowed', async () => {
    answer = (_, response) => void response.writeHead(403).end('{}');
    await open().settled(10_000);
    expect(labels('u1')).toEqual({});
    expect(messages).toEqual([
      'cannot read labels of pods: HTTP 403; allow its service account to get, list and watch pods; log records go without them',
    ]);
    expect(asked).toHaveLength(1);
  });

  it('take a new token, and one message for a server that is away for long', async () => {
    writeFileSync(join(account, 'token'), 'old');
    const refused = open();
    await refused.settled(10_000);
    expect(messages[0]).toContain('HTTP 401');
    refused.close();
    rmSync(join(account, 'token'));
    let lists = 0;
    answer = (request, response) => {
      if (isWatch(request)) return;
      if (++lists < 4) response.writeHead(503).end();
      else response.end(list([pod('u1', { app: 'a' })]));
    };
    messages.length = 0;
    open();
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    writeFileSync(join(account, 'token'), 'secret');
    await vi.waitFor(() => expect(labels('u1')).toEqual({ 'k8s.pod.label.app': 'a' }), { timeout: 10_000 });
    expect(messages).toEqual([expect.stringContaining('no such file or directory')]);
  });

  it('are not asked of a server whose certificate another authority signed', async () => {
    answer = (_, response) => void response.end(list([]));
    writeFileSync(join(account, 'ca.crt'), '');
    await open().settled(10_000);
    expect(messages).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  it.each<[object, object, RegExp]>([
    [{ api: undefined }, {}, /this is no pod of a cluster/],
    [{ node: undefined }, {}, /the name of the node is not known/],
    [{ node: undefined }, { K8S_NODE_NAME: '' }, /the name of the node is not known/],
  ])('are absent with one message where %j and %j say too little', async (given, env, message) => {
    await open(given, env).settled(10_000);
    expect(messages).toEqual([expect.stringMatching(message)]);
  });

  it('are bounded in number', async () => {
    answer = (request, response) => {
      const items = Array.from({ length: 2500 }, (_, i) => pod(`u${i}`, { n: String(i) }));
      if (!isWatch(request)) response.end(list(items));
    };
    await open().settled(10_000);
    expect([labels('u0'), labels('u2499')]).toEqual([{}, { 'k8s.pod.label.n': '2499' }]);
  });
});

it('the records of a pod have what is known of it, labels as soon as they are', () => {
  const rig = new Rig();
  let known: [string, string][] = [];
  let version = 0;
  rig.pods = {
    get version() {
      return version;
    },
    labelsOf: uid => (uid === 'u-1' ? known : []),
    settled: async () => {},
    close() {},
  };
  const directory = rig.path('pods/shop_web-0_u-1/nginx');
  mkdirSync(directory, { recursive: true });
  mkdirSync(rig.path('containers'));
  const real = join(directory, '3.log');
  const link = rig.path(`containers/web-0_shop_nginx-${ID}.log`);
  symlinkSync(real, link);
  rig.follow({
    include: ['containers/*.log'],
    start_at: 'beginning',
    parse: 'cri',
    kubernetes: { labels: true, account: '/none' },
  });
  const write = (text: string) =>
    writeFileSync(real, `2026-11-01T00:00:00Z stdout F ${text}\n`, { flag: 'a' });
  write('one');
  rig.start();
  known = [['k8s.pod.label.app', 'web']];
  version++;
  write('two');
  rig.turn();
  expect(rig.records.map(({ body }) => body)).toEqual(['one', 'two']);
  const path = {
    'service.name': 'nginx',
    'k8s.namespace.name': 'shop',
    'k8s.pod.name': 'web-0',
    'k8s.pod.uid': 'u-1',
    'k8s.container.name': 'nginx',
    'k8s.container.restart_count': '3',
    'container.id': ID,
  };
  expect(rig.records[0]!.resource).toEqual(path);
  expect(rig.records[1]!.resource).toEqual({ ...path, 'k8s.pod.label.app': 'web' });
  rig.remove();
});

it.each([
  ['{"ID":"x","Name":"/web","Config":{"Image":"nginx:1.27"}}', 'web', 'nginx:1.27'],
  ['{"Name":"","Config":{"Image":3}}', undefined, undefined],
  ['{"Name":', undefined, undefined],
  [undefined, undefined, undefined],
])('the records of a container of Docker have its id, and what %j tells', (about, name, image) => {
  const rig = new Rig();
  const directory = rig.path(`containers/${ID}`);
  mkdirSync(directory, { recursive: true });
  if (about !== undefined) writeFileSync(join(directory, 'config.v2.json'), about);
  rig.follow({ include: ['containers/*/*.log'], start_at: 'beginning', parse: 'docker' });
  const line = { log: 'hello\n', stream: 'stdout', time: '2026-11-01T00:00:00Z' };
  writeFileSync(join(directory, `${ID}-json.log`), `${JSON.stringify(line)}\n`);
  rig.start();
  rig.turn();
  expect(rig.records[0]).toMatchObject({ body: 'hello', attributes: { 'log.iostream': 'stdout' } });
  expect(rig.records[0]!.resource).toEqual({
    'service.name': name ?? `${ID}-json.log`,
    'container.id': ID,
    ...(name && { 'container.name': name }),
    ...(image && { 'container.image.name': image }),
  });
  rig.remove();
});
