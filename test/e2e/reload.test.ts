// A reload touches only what changed, and loses nothing: sockets, samplers, checks and files of daemons that stay go on
// as if there had been none.
import { spawn } from 'node:child_process';
import { appendFileSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startBackend } from './backend.ts';
import { ledgerGap } from './metrics.ts';
import { type Config, createHome, type Home, type Program, startProgram } from './program.ts';
import { until } from './until.ts';

/** POST /-/reload and its answer. */
async function reload({ url }: Home): Promise<void> {
  const answer = await fetch(`${url}/-/reload`, { method: 'POST' });
  expect([answer.status, await answer.text()]).toEqual([200, 'reloaded\n']);
}

/** Inode of the kernel's socket bound at a path, by /proc/net/unix. */
const socketInode = (path: string): string | undefined =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .find(line => line.endsWith(` ${path}`))
    ?.split(/\s+/)[6];

const RATE = 5000;
const SECONDS = 12;
const PACED = `use Socket; use Time::HiRes qw(time sleep); socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
setsockopt($s, SOL_SOCKET, SO_SNDBUF, 1 << 20); connect($s, sockaddr_un($ARGV[0])) or die "connect: $!";
my ($n, $t0) = (0, time);
while ($n < ${RATE * SECONDS}) {
  for (my $due = (time - $t0) * ${RATE}; $n < $due && $n < ${RATE * SECONDS}; $n++) {
    defined(send($s, "<13>seq: number $n", 0)) or die "send: $!" }
  sleep 0.005 }`;

it('5,000 messages a second through ten reloads that change daemons: none lost, nothing opened again', async () => {
  const backend = await startBackend();
  const busy = spawn('perl', [
    '-e',
    'while (1) { my $x = 0; $x += $_ for 1 .. 20000; select(undef, undef, undef, 0.005) }',
  ]);
  onTestFinished(() => void busy.kill('SIGKILL'));
  const base = {
    exporters: { otlp: backend.exporter },
    collectors: { processes: { interval: '1s' } },
  };
  const steady = {
    match: { cmdline: 'while \\(1\\) \\{ my' },
    health: [{ name: 'it', exec: ['/bin/true'], every: '300ms' }],
  };
  const home = await createHome({ ...base, daemons: { steady } });
  const program = await startProgram(home);
  const cpu = async () =>
    (await program.metrics()).sum('eudaemon_daemon_cpu_seconds_total', { daemon: 'steady' });
  const probes = async () =>
    (await program.metrics()).value('eudaemon_health_check_duration_seconds_count', {
      daemon: 'steady',
      check: 'it',
    });
  const [inode, ring] = [socketInode(home.socket), statSync(join(home.runDir, 'syslog.ring')).ino];
  expect(inode).toBeDefined();
  await program.waitForMetrics(
    'cpu time',
    page => page.sum('eudaemon_daemon_cpu_seconds_total', { daemon: 'steady' }) > 0,
  );

  const sender = spawn('perl', ['-e', PACED, home.socket], { stdio: ['ignore', 'ignore', 'pipe'] });
  const sent = new Promise<number | null>(resolve => sender.once('close', resolve));
  let [lastCpu, lastProbes] = [await cpu(), (await probes()) ?? 0];
  for (let round = 1; round <= 10; round++) {
    // Every other round the messages get another owner.
    const added = {
      match: { comm: `none-${round}` },
      ...(round % 2 ? { logs: { identifiers: ['seq'] } } : {}),
    };
    home.configure({ ...base, daemons: { steady, [`added-${round}`]: added } });
    await reload(home);
    expect(socketInode(home.socket)).toBe(inode);
    const [nowCpu, nowProbes] = [await cpu(), (await probes()) ?? 0];
    expect(nowCpu).toBeGreaterThanOrEqual(lastCpu);
    expect(nowProbes).toBeGreaterThanOrEqual(lastProbes);
    [lastCpu, lastProbes] = [nowCpu, nowProbes];
    await until('more was sampled', async () => (await cpu()) > lastCpu);
  }
  expect(await sent).toBe(0);
  const total = RATE * SECONDS;
  await until('all arrive', () => backend.bodies().length >= total, { timeoutMs: 60_000, everyMs: 500 });
  expect(backend.bodies()).toEqual(Array.from({ length: total }, (_, i) => `number ${i}`));
  expect(statSync(join(home.runDir, 'syslog.ring')).ino).toBe(ring);
  const owners = new Set(
    backend
      .all()
      .filter(each => each.eventName === '')
      .map(each => each.resource['service.name']),
  );
  for (const round of [1, 3, 5, 7, 9]) expect(owners).toContain(`added-${round}`);
  const page = await program.waitForMetrics(
    'the spool is empty',
    metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
  );
  expect(ledgerGap(page, 'otlp')).toBe(0);
  expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
  expect(page.sum('eudaemon_records_lost_estimate_total')).toBe(0);
  expect((await program.stop()).code).toBe(0);
});

it('log files change hands without a line lost or repeated, a deleted one that is still open included', async () => {
  const backend = await startBackend();
  const home = await createHome({});
  const file = (name: string) => join(home.directory, `${name}.log`);
  const daemon = (...names: string[]) => ({ match: { comm: 'none' }, logs: { files: names.map(file) } });
  const configure = (daemons: Config['daemons']) =>
    home.configure({ daemons, exporters: { otlp: backend.exporter } });
  for (const name of ['a', 'b']) writeFileSync(file(name), '');
  configure({ one: daemon('a') });
  await startProgram(home);
  let count = 0;
  const write = (name: string, lines: number) => {
    for (let i = 0; i < lines; i++) appendFileSync(file(name), `number ${count++}\n`);
  };
  write('a', 100);
  const owner = (body: string) => backend.all().find(each => each.body === body)?.resource['service.name'];
  const arrived = () => until(`${count} lines`, () => backend.bodies().length >= count);
  await arrived();

  // Lines before, during and after; then the file of `one` becomes that of `two`.
  for (const daemons of [
    { one: daemon('a'), two: daemon('b') },
    { two: daemon('a', 'b') },
    { two: daemon('b'), three: daemon('a') },
  ]) {
    write('a', 200);
    configure(daemons);
    const reloaded = reload(home);
    write('a', 200);
    await reloaded;
    write('a', 200);
    await arrived();
  }
  expect(backend.bodies()).toEqual(Array.from({ length: count }, (_, i) => `number ${i}`));
  write('a', 1);
  await arrived();
  expect(owner(`number ${count - 1}`)).toBe('three');

  const held = openSync(file('a'), 'a');
  rmSync(file('a'));
  writeFileSync(held, `number ${count++}\n`);
  configure({ two: daemon('a', 'b') });
  await reload(home);
  await arrived();
  expect(backend.bodies()).toEqual(Array.from({ length: count }, (_, i) => `number ${i}`));
});

it('a connection of a stream socket outlives a reload', async () => {
  const backend = await startBackend();
  const home = await createHome({});
  const path = join(home.directory, 'stream.sock');
  const configure = (daemons: Config['daemons']) =>
    home.configure({
      daemons,
      collectors: { syslog: { listen: [{ path, type: 'stream' }] } },
      exporters: { otlp: backend.exporter },
    });
  configure({});
  await startProgram(home);
  const connection = createConnection(path);
  onTestFinished(() => void connection.destroy());
  connection.write('<13>app: number 0\n<13>app: num');
  await until('the first', () => backend.bodies().length === 1);
  configure({ app: { match: { comm: 'none' }, logs: { identifiers: ['app'] } } });
  await reload(home);
  connection.write('ber 1\n');
  await until('the second', () => backend.bodies().length === 2);
  expect(backend.bodies()).toEqual(['number 0', 'number 1']);
  expect(backend.all().find(each => each.body === 'number 1')?.resource['service.name']).toBe('app');
});

it('the level of the log follows a reload; what cannot change says so and keeps all as it was', async () => {
  const home = await createHome({ agent: { log_level: 'error' } });
  const program: Program = await startProgram(home);
  expect(program.output()).not.toContain('msg=ready');
  home.configure({ agent: { log_level: 'info', log_format: 'json', shutdown_timeout: '9s' } });
  await reload(home);
  await until('a line of level info', () => program.output().includes('"msg":"configuration reloaded"'));
  for (const [key, value] of [
    ['state_dir', '/tmp/elsewhere'],
    ['run_dir', '/tmp/elsewhere'],
    ['host_root', '/tmp'],
    ['user', 'nobody'],
  ] as const) {
    home.configure({ agent: { [key]: value } });
    const answer = await fetch(`${home.url}/-/reload`, { method: 'POST' });
    expect(answer.status).toBe(500);
    expect(await answer.text()).toMatch(
      new RegExp(`cannot change agent\\.${key} from ".*" to "${value}" in a reload: restart`),
    );
  }
  expect((await program.stop()).code).toBe(0);
});

it('only a check that changed begins anew', async () => {
  const home = await createHome({});
  const marks = join(home.directory, 'marks');
  const check = (name: string, more = {}) => ({
    name,
    exec: ['/bin/sh', '-c', `echo ${name} >> ${marks}; exit 2`],
    every: '1h',
    ...more,
  });
  const configure = (health: unknown[]) =>
    home.configure({ daemons: { web: { match: { comm: 'none' }, health } } });
  configure([check('a'), check('b')]);
  const program = await startProgram(home);
  const ran = () => readFileSync(marks, 'utf8').split('\n').filter(Boolean).sort().join('');
  await until('both ran', () => ran() === 'ab');
  configure([check('a'), check('b', { timeout: '1s' }), check('c')]);
  await reload(home);
  await until('b and c ran', () => ran() === 'abbc');
  configure([check('a')]);
  await reload(home);
  const failures = (await program.metrics()).all('eudaemon_health_check_failures_total');
  expect(failures.map(({ labels, value }) => [labels['check'], value])).toEqual([['a', 1]]);
  expect(ran()).toBe('abbc');
});
