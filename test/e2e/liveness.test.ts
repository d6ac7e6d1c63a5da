// Daemons that begin, end and hang in every way, and what the agent says of them under each source of ends.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { find } from '../tools.ts';
import { asking } from './ask.ts';
import { killGroup } from './daemons.ts';
import { BIN, createHome, freePort, type Program, startProgram } from './program.ts';
import { until } from './until.ts';
import { compileVictim } from './victim.ts';

const SOURCES = ['netlink', 'pidfd', 'sample'] as const;
type Source = (typeof SOURCES)[number];
const ROOT = process.getuid?.() === 0;

/** An agent that watches `victim` (and more), and what it says of it. */
async function watch(source: Source, daemons: Record<string, unknown> = {}, interval = '1s') {
  const home = await createHome();
  const victims = compileVictim(home.directory);
  home.configure({
    daemons: { victim: { match: { exe: victims.exe } }, ...daemons },
    collectors: { processes: { interval, exits: source } },
  });
  const program = await startProgram(home);
  return { home, victims, program, ...asking(program) };
}

type World = Awaited<ReturnType<typeof watch>>;

/** nginx that detaches: `run` starts it and tells its pid, `tell` gives it arguments; `pid` is what its pidfile says. */
function background(directory: string, port: number) {
  const conf = join(directory, 'nginx.conf');
  writeFileSync(
    conf,
    `daemon on; pid ${directory}/nginx.pid; worker_processes 1; error_log ${directory}/error.log;
events { worker_connections 64; }
http { access_log off; server { listen 127.0.0.1:${port}; location / { return 200 fine; } } }
`,
  );
  const pidfile = join(directory, 'nginx.pid');
  const pid = () => Number(readFileSync(pidfile, 'latin1'));
  const tell = (...args: string[]) =>
    execFileSync(find('nginx')!, ['-c', conf, '-e', `${directory}/error.log`, ...args], { stdio: 'ignore' });
  const run = async () => {
    // One that was killed leaves its own, and who detaches writes it when its parent has ended.
    rmSync(pidfile, { force: true });
    tell();
    const master = await until('nginx has written its pid', pid);
    onTestFinished(() => killGroup(master));
    return master;
  };
  return { tell, run, pid };
}

/** One that the agent has seen running. */
async function running({ victims, becomes }: World, ...args: string[]) {
  const victim = victims.start(args);
  await becomes('healthy');
  return victim;
}

describe.each(SOURCES)('by %s', source => {
  const exact = source !== 'sample';

  it('knows how each one ended, and takes none for another', async () => {
    const w = await watch(source);
    const end = async (signal: NodeJS.Signals) => {
      const before = await w.sum();
      const victim = await running(w);
      victim.kill(signal);
      await until(`${signal} is counted`, async () => (await w.sum()) === before + 1);
      return (await w.view()).lastExit;
    };
    const how = (code: number, signal: string) =>
      exact ? { reason: 'signal', code, signal, source } : { reason: 'unknown', source };
    expect(await end('SIGTERM')).toMatchObject(how(15, 'SIGTERM'));
    await w.becomes(exact ? 'stopped' : 'absent');
    expect(await end('SIGKILL')).toMatchObject(how(9, 'SIGKILL'));
    await w.becomes('absent');
    expect(await end('SIGSEGV')).toMatchObject(how(11, 'SIGSEGV'));
    expect(await w.exits()).toEqual(
      exact ? { exit: 0, signal: 3, oom: 0, unknown: 0 } : { exit: 0, signal: 0, oom: 0, unknown: 3 },
    );
    expect((await w.view()).restarts).toBe(2);
    await w.program.stop();
  });

  it('follows one that detaches, and one that replaces itself, without an end', async () => {
    const w = await watch(source);
    const pidfile = join(w.home.directory, 'detached.pid');
    w.victims.start(['detach'], { PIDFILE: pidfile });
    const pid = await until('it has detached', () => Number(readFileSync(pidfile, 'latin1')));
    await until('it is the instance', async () => {
      const { instances } = await w.view();
      return instances.length === 1 && instances[0]!.pid === pid;
    });
    expect([await w.sum(), (await w.view()).restarts]).toEqual([0, 0]);
    process.kill(pid, 'SIGKILL');
    await until('its end is counted', async () => (await w.sum()) === 1);

    const victim = await running(w, 'reexec');
    await until('it has replaced itself', () =>
      readFileSync(`/proc/${victim.pid}/cmdline`, 'latin1').includes('run'),
    );
    const looked = await w.program.metrics();
    await until('it was looked at again', async () => {
      const page = await w.program.metrics();
      const cpu = (each: typeof page) =>
        each.sum('eudaemon_daemon_context_switches_total', { daemon: 'victim' });
      return cpu(page) !== cpu(looked) || (await w.view()).instances[0]?.pid === victim.pid;
    });
    expect(await w.sum()).toBe(1);
    expect((await w.view()).instances.map(each => each.pid)).toEqual([victim.pid]);
    await w.program.stop();
  });
});

if (find('nginx') !== undefined)
  it.each(SOURCES)('by %s, nginx whose pidfile goes to its new program has not ended', async source => {
    const home = await createHome();
    home.configure({
      daemons: { nginx: { match: { pidfile: join(home.directory, 'nginx.pid') } } },
      collectors: { processes: { interval: '1s', exits: source } },
    });
    const program = await startProgram(home);
    const w = asking(program);
    const { run, pid } = background(home.directory, await freePort());
    const old = await run();
    const isInstance = (master: number) =>
      until(`${master} is the instance`, async () => {
        const { instances } = await w.view('nginx');
        return instances.length === 1 && instances[0]!.pid === master;
      });
    await isInstance(old);
    process.kill(old, 'SIGUSR2');
    const next = await until('the new master has written its pid', () => {
      const master = pid();
      return master !== old && master;
    });
    onTestFinished(() => killGroup(next));
    await isInstance(next);
    process.kill(old, 'SIGQUIT');
    await until('the old master is gone', () => !existsSync(`/proc/${old}`));
    process.kill(next, 'SIGKILL');
    await until('the end of the new one is counted', async () => (await w.sum('nginx')) > 0);
    expect(await w.sum('nginx')).toBe(1);
    expect(await w.view('nginx')).toMatchObject({ restarts: 0, lastExit: { pid: next } });
    await program.stop();
  });

describe('by netlink', () => {
  if (find('nginx') !== undefined)
    it('takes no command of a daemon for one of its lives', async () => {
      const home = await createHome();
      home.configure({
        daemons: { nginx: { match: { exe: find('nginx')!, cmdline: home.directory } } },
        collectors: { processes: { interval: '1s', exits: 'netlink' } },
      });
      const program = await startProgram(home);
      const w = asking(program);
      const { run, tell } = background(home.directory, await freePort());
      const first = await run();
      await w.becomes('healthy', 'nginx');
      for (let i = 0; i < 4; i++) {
        tell('-t');
        tell('-s', 'reload');
      }
      // Workers would keep the port.
      killGroup(first);
      await until('its end is counted', async () => (await w.sum('nginx')) > 0);
      await w.becomes('absent', 'nginx');
      // As its unit does before it starts it.
      tell('-t');
      await run();
      await w.becomes('healthy', 'nginx');
      expect(await w.exits('nginx')).toEqual({ exit: 0, signal: 1, oom: 0, unknown: 0 });
      expect((await w.view('nginx')).restarts).toBe(1);
      await program.stop();
    });

  it('counts every life of a crash loop with its status, whatever it lives', async () => {
    const w = await watch('netlink', {}, '10s');
    for (let i = 0; i < 40; i++) expect(w.victims.run('exit', String(20 + (i % 3) * 15), '3')).toBe(3);
    await until('all are counted', async () => (await w.sum()) >= 40);
    expect(await w.exits()).toEqual({ exit: 40, signal: 0, oom: 0, unknown: 0 });
    expect(await w.view()).toMatchObject({ restarts: 39, state: 'crash_looping' });
    await w.program.stop();
  });

  if (find('perl') !== undefined)
    it('counts the lives of one that gives itself the name it is known by', async () => {
      const comm = `named-${process.pid}`;
      const w = await watch('netlink', { named: { match: { comm } } }, '10s');
      const script = '$0 = shift; select undef, undef, undef, 0.05; exit 3';
      for (let i = 0; i < 10; i++) spawnSync('perl', ['-e', script, comm]);
      await until('all are counted', async () => (await w.sum('named')) >= 10);
      expect(await w.exits('named')).toEqual({ exit: 10, signal: 0, oom: 0, unknown: 0 });
      await w.program.stop();
    });

  it('knows a core from none', async () => {
    const w = await watch('netlink');
    const victim = w.victims.start(['core'], { CORES: w.home.directory });
    await w.becomes('healthy');
    victim.kill('SIGSEGV');
    await until('its end is counted', async () => (await w.sum()) === 1);
    const piped = readFileSync('/proc/sys/kernel/core_pattern', 'latin1').startsWith('|');
    if (!piped) expect((await w.view()).lastExit).toMatchObject({ signal: 'SIGSEGV', coreDumped: true });
    const other = await running(w);
    other.kill('SIGSEGV');
    await until('its end is counted', async () => (await w.sum()) === 2);
    await w.program.stop();
  });

  if (ROOT && existsSync('/sys/fs/cgroup/memory'))
    it('tells the out-of-memory killer', async () => {
      const w = await watch('netlink');
      const group = `/sys/fs/cgroup/memory/eudaemon-${process.pid}`;
      mkdirSync(group);
      onTestFinished(() => rmdirSync(group));
      writeFileSync(join(group, 'memory.limit_in_bytes'), String(24 << 20));
      spawn('sh', ['-c', `echo $$ > ${group}/cgroup.procs; exec ${w.victims.exe} hungry`], {
        stdio: 'ignore',
      });
      process.kill((await w.becomes('healthy')).instances[0]!.pid, 'SIGUSR1');
      await until('its end is counted', async () => (await w.sum()) === 1);
      expect(await w.exits()).toEqual({ exit: 0, signal: 0, oom: 1, unknown: 0 });
      expect((await w.program.metrics()).value('eudaemon_daemon_oom_kills_total')).toBe(1);
      await until('its group is empty', () => readFileSync(join(group, 'cgroup.procs'), 'utf8') === '');
      await w.program.stop();
    });

  if (find('nginx') !== undefined)
    it('follows nginx to its new program, and counts its later end', async () => {
      const home = await createHome();
      const port = await freePort();
      const nginx = find('nginx')!;
      home.configure({
        daemons: { nginx: { match: { exe: nginx, cmdline: home.directory } } },
        collectors: { processes: { interval: '1s', exits: 'netlink' } },
      });
      const program = await startProgram(home);
      const w = asking(program);
      const { run, pid } = background(home.directory, port);
      const old = await run();
      await until('the master is the instance', async () => {
        const { instances } = await w.view('nginx');
        return instances.length === 1 && instances[0]!.pid === old;
      });
      expect(await w.sum('nginx')).toBe(0);
      process.kill(old, 'SIGUSR2');
      const next = await until('the new master has written its pid', () => {
        const master = pid();
        return master !== old && master;
      });
      process.kill(old, 'SIGQUIT');
      await until('the new one is the instance', async () => {
        const { instances } = await w.view('nginx');
        return instances.length === 1 && instances[0]!.pid === next;
      });
      // It had only begun itself: to the agent the old one has handed over.
      expect(await w.view('nginx')).toMatchObject({ up: true, restarts: 0 });
      process.kill(next, 'SIGKILL');
      await until('its end is counted', async () => (await w.exits('nginx')).signal === 1);
      await program.stop();
    });
});

if (ROOT)
  it('falls back with one message where the kernel tells nothing, and never mistakes a reused pid', async () => {
    const home = await createHome();
    const victims = compileVictim(home.directory);
    home.configure({
      daemons: { victim: { match: { exe: victims.exe } } },
      collectors: { processes: { interval: '1s' } },
    });
    // A pid namespace of few pids, where the same number comes around after a few hundred processes.
    const log = join(home.directory, 'agent.log');
    const inside = spawn(
      'unshare',
      [
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        'sh',
        '-c',
        `${BIN} run --config ${home.configFile} >${log} 2>&1 & while read line; do eval "$line"; done`,
      ],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    onTestFinished(() => void inside.kill('SIGKILL'));
    const w = asking({
      home,
      metrics: async () =>
        (await import('./metrics.ts')).parseMetrics(await (await fetch(`${home.url}/metrics`)).text()),
    } as Program);
    await until('the agent is ready', async () => (await fetch(`${home.url}/readyz`)).ok);
    const complaints = () =>
      readFileSync(log, 'utf8').match(/cannot be told of processes by the kernel/g) ?? [];
    await until('it tells why', () => complaints().length > 0);
    const say = (line: string) => inside.stdin!.write(`${line}\n`);
    say(`${victims.exe} & V=$!`);
    const first = (await w.becomes('healthy')).instances[0]!.pid;
    say('kill -9 $V; wait $V');
    const reused = join(home.directory, 'reused');
    say(
      `for i in 1 2 3 4 5; do echo ${first - 1} > /proc/sys/kernel/ns_last_pid; sleep 300 & [ $! = ${first} ] && { echo yes > ${reused}; break; }; done`,
    );
    await w.becomes('absent');
    await until('somebody else has its number', () => existsSync(reused));
    expect(await w.view()).toMatchObject({ up: false, restarts: 0, instances: [] });
    expect((await w.view()).lastExit).toMatchObject({ source: 'pidfd' });
    expect(complaints()).toHaveLength(1);
  });

describe('on purpose', () => {
  it('is a pidfile that was taken away; one that is stale is a crash, and nobody alive', async () => {
    const home = await createHome();
    const victims = compileVictim(home.directory);
    const pidfile = join(home.directory, 'victim.pid');
    home.configure({
      daemons: { victim: { match: { pidfile } } },
      collectors: { processes: { interval: '1s' } },
    });
    const program = await startProgram(home);
    const w = asking(program);
    const env = { PIDFILE: pidfile };
    victims.start(['clean'], env);
    await w.becomes('healthy');
    process.kill(victims.pids()[0]!, 'SIGTERM');
    expect(await w.becomes('stopped')).toMatchObject({ manager: `pidfile: ${pidfile} is gone` });
    victims.start(['clean'], env);
    await w.becomes('healthy');
    process.kill(victims.pids()[0]!, 'SIGKILL');
    expect(await w.becomes('absent')).toMatchObject({
      up: false,
      manager: expect.stringMatching(/^pidfile: .*\.pid is stale: process \d+ has ended$/),
    });
    await program.stop();
  });

  it('is what somebody has told, also over a restart of the agent', async () => {
    const w = await watch('netlink');
    const run = (...args: string[]) =>
      execFileSync(BIN, [...args, '--config', w.home.configFile], { encoding: 'utf8' });
    const victim = await running(w);
    expect(run('expect-down', 'victim', '--for', '1h', '--reason', 'upgrade')).toBe(
      'victim is expected down for 1h\n',
    );
    victim.kill('SIGKILL');
    await w.becomes('stopped');
    await w.program.stop();
    const again = await startProgram(w.home);
    const next = asking(again);
    expect(await next.becomes('stopped')).toMatchObject({ expectedDown: { reason: 'upgrade' } });
    expect(run('expect-up', 'victim')).toBe('victim is expected up\n');
    await next.becomes('absent');
    expect(() => run('expect-down', 'nobody')).toThrow(/no daemon "nobody" is declared/);
    await again.stop();
  });
});

it('hears a daemon fall silent and speak again', async () => {
  const home = await createHome();
  const victims = compileVictim(home.directory);
  const log = join(home.directory, 'victim.log');
  writeFileSync(log, '');
  home.configure({
    daemons: { victim: { match: { exe: victims.exe }, logs: { files: [log], expect_every: '2s' } } },
    collectors: { processes: { interval: '1s' } },
  });
  const program = await startProgram(home);
  const w = asking(program);
  const met = (value: number) =>
    program.waitForMetrics(
      `log_every is ${value}`,
      page =>
        page.value('eudaemon_expectation_met', { daemon: 'victim', expectation: 'log_every' }) === value,
    );
  expect((await program.metrics()).value('eudaemon_log_last_timestamp_seconds', { daemon: 'victim' })).toBe(
    0,
  );
  victims.start();
  await met(0);
  const speaking = setInterval(() => appendFileSync(log, 'word\n'), 300);
  onTestFinished(() => clearInterval(speaking));
  await until('it was heard', async () => (await w.view()).lastLogAt !== undefined);
  await met(1);
  await program.stop();
});
