// `eudaemon discover` among real processes: daemons of several kinds are found with what they listen on and write,
// what is no daemon is not, and the configuration it prints is one that `check` takes and `run` confirms.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { Discovered } from '../../agent/identity/discover.ts';
import type { DaemonsView } from '../../console/api.ts';
import { find, have } from '../tools.ts';
import { startNginx, startRedis } from './daemons.ts';
import { BIN, createHome, freePort, spawnProgram, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

const SYSV_QUEUE = 0x65700000 + (process.pid & 0xfffff);
/** Below those that the kernel chooses. */
const UDP_PORT = 20_000 + (process.pid % 10_000);
/** Other runs on this host have theirs. */
const OWN = `ledgerd-${process.pid}`;
const POSIX_QUEUE = `eudaemon-e2e-${process.pid}`;
/** Numbers of mq_open and mq_unlink in syscalls(2), which perl does not know. */
const [MQ_OPEN, MQ_UNLINK] = process.arch === 'arm64' ? [180, 181] : [240, 241];
/** Double-forked, with a session of its own, an append-only log, a FIFO, Unix and UDP sockets, queues and its pid in a file. */
const DAEMONIZED = `use POSIX qw(setsid mkfifo); use IO::Socket::UNIX; use IO::Socket::INET; use Fcntl; use IPC::SysV qw(IPC_CREAT);
fork and exit; setsid; fork and exit;
my $d = $ARGV[0]; open(STDIN, "</dev/null"); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null");
my $s = IO::Socket::UNIX->new(Local => "$d/own.sock", Listen => 1) or die;
my $u = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1", LocalPort => ${UDP_PORT}) or die;
my $client = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die;
mkfifo("$d/own.fifo", 0600); sysopen(my $f, "$d/own.fifo", O_RDWR) or die;
my $q = msgget(${SYSV_QUEUE}, IPC_CREAT | 0600) // die; msgsnd($q, pack("l! a*", 1, "x"), 0) or die;
my $n = "${POSIX_QUEUE}"; syscall(${MQ_OPEN}, $n, O_RDWR | O_CREAT, 0600, 0) < 0 and die;
open(my $l, ">>", "$d/own.log") or die; $l->autoflush(1); print $l "begun\\n";
open(my $p, ">", "$d/own.pid"); print $p $$; close $p; sleep 1 while 1;`;

if (have('nginx', 'redis-server', 'memcached', 'perl', 'script', 'setpriv', 'root'))
  it('finds daemons and nothing else, as root and as nobody, and its configuration runs', async () => {
    const directory = tempDir('discover');
    const [webPort, redisPort, memcachedPort] = [await freePort(), await freePort(), await freePort()];
    const nginx = await startNginx(directory, webPort);
    const redis = await startRedis(directory, redisPort);
    const start = (program: string, args: readonly string[]) => {
      const child = spawn(find(program)!, args, { stdio: ['pipe', 'ignore', 'ignore'] });
      onTestFinished(() => {
        child.stdin.end();
        child.kill('SIGKILL');
      });
      return child.pid!;
    };
    const memcached = start('memcached', ['-u', 'nobody', '-l', '127.0.0.1', '-p', `${memcachedPort}`]);
    const script = join(directory, `${OWN}.pl`);
    writeFileSync(script, DAEMONIZED);
    start('perl', [script, directory]);
    const own = await until('the daemon has begun', () =>
      Number(readFileSync(join(directory, 'own.pid'), 'utf8')),
    );
    onTestFinished(() => {
      process.kill(own, 'SIGKILL');
      const drop = `my $n = "${POSIX_QUEUE}"; syscall(${MQ_UNLINK}, $n); msgctl(msgget(${SYSV_QUEUE}, 0), 0, 0)`;
      spawnSync('perl', ['-e', drop]);
    });
    const job = join(directory, 'job.sh');
    writeFileSync(job, 'cat - /dev/null\ntrue\n');
    start('sh', [job]);
    start('sleep', ['1002']);
    start('script', ['-qfc', 'sleep 1003; true', '/dev/null']);

    const home = await createHome();
    const run = async (args: readonly string[]) => {
      const child = spawnProgram(home, args);
      const { code } = await child.ended;
      return { code, output: child.output() };
    };
    const found = JSON.parse((await run(['discover', '--json'])).output) as Discovered[];
    const of = (pid: number) => found.find(({ pids }) => pids.includes(pid));
    expect(of(nginx.pid)).toMatchObject({ recipe: 'nginx' });
    expect(of(nginx.pid)!.ports).toContain(webPort);
    expect(of(nginx.pid)!.logs).toContain(join(directory, 'access.log'));
    expect(of(redis.pid)).toMatchObject({ recipe: 'redis' });
    expect(of(memcached)).toMatchObject({ recipe: 'memcached', user: 'nobody' });
    expect(of(memcached)!.ports).toContain(memcachedPort);
    expect(of(own)).toMatchObject({
      name: OWN,
      user: 'root',
      logs: [join(directory, 'own.log')],
      ports: [],
      udpPorts: [UDP_PORT],
      sockets: [join(directory, 'own.sock')],
      fifos: [join(directory, 'own.fifo')],
      messageQueues: [`/${POSIX_QUEUE}`, `key 0x${SYSV_QUEUE.toString(16)}`],
      posture: { user: 'root', terminal: false },
    });
    expect((await run(['discover'])).output).toMatch(/^memcached +- +nobody +none +/m);
    const everyone = found.flatMap(({ pids, children }) => [...pids, ...children]);
    const commands = everyone.map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
    expect(commands.filter(command => /sleep 100[23]|cat - |job\.sh/.test(command))).toEqual([]);

    const { output: yaml } = await run(['discover', '--yaml']);
    const names = Object.keys(parse(yaml).daemons);
    expect(names).toEqual(expect.arrayContaining(['nginx', of(redis.pid)!.name, 'memcached', OWN]));
    mkdirSync(join(home.directory, 'conf.d'));
    writeFileSync(join(home.directory, 'conf.d/found.yaml'), yaml);
    home.configure({ include: ['conf.d/*.yaml'] });
    expect(await run(['check', '--config-only', '--config', home.configFile])).toMatchObject({ code: 0 });
    await startProgram(home);
    const view = await until('all of them are up', async () => {
      const { daemons } = (await (await fetch(`${home.url}/api/daemons`)).json()) as DaemonsView;
      const pids = daemons.flatMap(({ instances }) => instances.map(({ pid }) => pid));
      return [nginx.pid, redis.pid, memcached, own].every(pid => pids.includes(pid)) && daemons;
    });
    for (const name of ['nginx', 'memcached', OWN])
      expect(view.find(each => each.name === name)).toMatchObject({ up: true });

    // Without rights: the same daemons by what everybody may see, and one line for what is missing.
    const nobody = spawn(find('setpriv')!, [
      ...['--reuid=65534', '--regid=65534', '--clear-groups', BIN],
      ...['discover', '--json'],
    ]);
    const chunks: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      nobody[stream].on('data', chunk => {
        chunks[stream] += chunk;
      });
    await new Promise(end => nobody.once('close', end));
    const seen = JSON.parse(chunks.stdout) as Discovered[];
    for (const pid of [nginx.pid, redis.pid, own])
      expect(seen.some(({ pids }) => pids.includes(pid))).toBe(true);
    expect(seen.find(({ pids }) => pids.includes(own))).toMatchObject({
      name: OWN,
      logs: [],
      ports: [],
    });
    expect(chunks.stderr).toMatch(/^eudaemon: cannot see open files of \d+ processes: .*run as root\n$/);
  });

if (have('unshare', 'root'))
  it('a container that does not share the pids of its host is told so, once, by check and by run', async () => {
    const host = join(tempDir('host'), 'host');
    mkdirSync(host);
    const home = await createHome({ agent: { host_root: host } });
    const start = (command: string) => {
      const child = spawn(
        find('unshare')!,
        [
          ...['--pid', '--mount', '--fork', '--kill-child', 'sh', '-c'],
          ...['mount --rbind / "$0" && exec "$@"', host, BIN, command, '--config', home.configFile],
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      const chunks: Buffer[] = [];
      for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk));
      const ended = new Promise<number | null>(end => child.once('exit', end));
      onTestFinished(async () => {
        child.kill('SIGKILL');
        await ended;
      });
      return { ended, output: () => Buffer.concat(chunks).toString() };
    };
    const check = start('check');
    expect(await check.ended).toBe(1);
    expect(check.output()).toMatch(/pid namespace of its own: it is pid 1 to itself/);
    expect(check.output()).toContain('hostPID: true');
    const agent = start('run');
    await until('it is ready', async () => (await fetch(`${home.url}/readyz`)).ok).catch(error =>
      expect.unreachable(`${error.message}\n${agent.output()}`),
    );
    expect(agent.output().match(/pid namespace of its own/g)).toHaveLength(1);
  });
