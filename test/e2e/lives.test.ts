// Real daemons through everything that happens to one, side by side under one agent: what it says of each end is what
// their parent was told by wait(2).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { asking } from './ask.ts';
import { createHome, freePort, startProgram } from './program.ts';
import { until } from './until.ts';
import { compileVictim } from './victim.ts';

const RESTARTS = 20;

function run(program: string, ...args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

if (have('root', 'redis-server', 'cron', 'sshd', 'ssh-keygen', 'unshare', 'gcc'))
  it('tells redis, cron and sshd hung, stopped, killed and crashed as they were, and a loop beside them', async () => {
    const home = await createHome();
    const { directory } = home;
    const [redisPort, sshPort] = [await freePort(), await freePort()];
    const key = join(directory, 'key');
    execFileSync(find('ssh-keygen')!, ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    mkdirSync('/run/sshd', { recursive: true });
    const victims = compileVictim(directory);
    const [redis, sshd] = ['redis-server', 'sshd'].map(name => find(name)!);
    // There may be others of each on this host: these bear a port, a key, or are a copy.
    const cron = join(directory, 'cron');
    copyFileSync(find('cron')!, cron);
    const marks = { redis: `:${redisPort}`, sshd: key };
    const begin: Readonly<Record<string, () => ChildProcess>> = {
      redis: () => run(redis!, '--port', `${redisPort}`, '--save', '', '--dir', directory),
      // Its pidfile in /run is its lock.
      cron: () => run('unshare', '-m', 'sh', '-c', `mount -t tmpfs none /run && exec ${cron} -f -L 11`),
      sshd: () => run(sshd!, '-D', '-p', `${sshPort}`, '-h', key, '-o', 'PidFile=none'),
    };
    home.configure({
      daemons: {
        redis: { match: { comm: 'redis-server', cmdline: marks.redis } },
        cron: { match: { exe: cron } },
        sshd: { match: { exe: sshd, cmdline: marks.sshd } },
        loop: { match: { exe: victims.exe } },
      },
      collectors: { processes: { interval: '1s', exits: 'netlink' } },
    });
    const program = await startProgram(home);
    const w = asking(program);

    const live = async (name: string) => {
      const start = async () => {
        const child = begin[name]!();
        const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
        await until(`${name} is seen`, async () => (await w.view(name)).instances[0]?.pid === child.pid);
        await w.becomes('healthy', name);
        return { child, ended };
      };
      const counts = { exit: 0, signal: 0, oom: 0, unknown: 0 };
      const end = async (signal: NodeJS.Signals, { child, ended }: Awaited<ReturnType<typeof start>>) => {
        child.kill(signal);
        const [code, by] = await ended;
        const truth =
          by === null
            ? { reason: 'exit' as const, code: code! }
            : { reason: 'signal' as const, code: constants.signals[by], signal: by };
        counts[truth.reason]++;
        const ends = counts.exit + counts.signal;
        await until(`the end of ${name} is told`, async () => (await w.sum(name)) === ends);
        expect((await w.view(name)).lastExit, name).toMatchObject({ ...truth, source: 'netlink' });
      };

      const first = await start();
      first.child.kill('SIGSTOP');
      await w.becomes('hung', name);
      first.child.kill('SIGCONT');
      await w.becomes('healthy', name);
      await end('SIGTERM', first);
      await end('SIGKILL', await start());
      await w.becomes('absent', name);
      await end('SIGSEGV', await start());
      await w.becomes('absent', name);
      expect(await w.exits(name), name).toEqual(counts);
      expect((await w.view(name)).restarts, name).toBe(2);
    };

    const loop = async () => {
      const script = `for i in $(seq ${RESTARTS}); do ${victims.exe} exit 300 3; sleep 0.2; done`;
      await once(run('sh', '-c', script), 'exit');
      await until('all are counted', async () => (await w.sum('loop')) >= RESTARTS);
      expect(await w.exits('loop')).toEqual({ exit: RESTARTS, signal: 0, oom: 0, unknown: 0 });
      expect(await w.view('loop')).toMatchObject({
        restarts: RESTARTS - 1,
        state: 'crash_looping',
        lastExit: { code: 3 },
      });
    };

    await Promise.all([...Object.keys(begin).map(live), loop()]);
    await program.stop();
  });
