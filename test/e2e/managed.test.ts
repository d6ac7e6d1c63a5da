// A daemon under supervisord, and under PM2 where the host has it: what they start again is a restart, what they stop is
// stopped, and neither is taken for what it runs.
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { asking } from './ask.ts';
import { BIN, createHome, startProgram } from './program.ts';
import { until } from './until.ts';
import { compileVictim } from './victim.ts';

interface Manager {
  /** Program of the host. */
  readonly program: string;
  /** Itself, of all that may run on this host. */
  match(directory: string): Record<string, string>;
  /** Starts it with `web`, the program and its argument. */
  start(directory: string, exe: string): void;
  /** `stop`, or `start` again. */
  tell(directory: string, what: 'stop' | 'start'): void;
}

const quiet = { stdio: 'ignore' } as const;

const supervisord: Manager = {
  program: 'supervisord',
  match: directory => ({ comm: 'supervisord', cmdline: directory }),
  start(directory, exe) {
    const file = join(directory, 'supervisord.conf');
    writeFileSync(
      file,
      `[unix_http_server]
file=${directory}/s.sock
[supervisorctl]
serverurl=unix://${directory}/s.sock
[supervisord]
logfile=${directory}/supervisord.log
pidfile=${directory}/s.pid
user=root
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command=${exe} clean
autorestart=true
startsecs=0
`,
    );
    const child = spawn(find('supervisord')!, ['-n', '-c', file], quiet);
    onTestFinished(() => void child.kill('SIGKILL'));
  },
  tell: (directory, what) =>
    void execFileSync(
      find('supervisorctl')!,
      ['-c', join(directory, 'supervisord.conf'), what, 'web'],
      quiet,
    ),
};

const pm2 = (directory: string, ...args: string[]) =>
  void execFileSync(find('pm2')!, args, {
    ...quiet,
    env: { ...process.env, PM2_HOME: join(directory, 'pm2') },
  });

const pm2Manager: Manager = {
  program: 'pm2',
  match: directory => ({ cmdline: `^PM2 v\\d.*${directory}` }),
  start(directory, exe) {
    onTestFinished(() => pm2(directory, 'kill'));
    pm2(directory, 'start', exe, '--name', 'web', '--interpreter', 'none', '--', 'clean');
  },
  tell: (directory, what) => pm2(directory, what, 'web'),
};

for (const manager of [supervisord, pm2Manager])
  if (have('root', 'gcc', manager.program))
    it(`is told under ${manager.program}`, async () => {
      const home = await createHome();
      const { directory } = home;
      const victims = compileVictim(directory);
      home.configure({
        daemons: {
          manager: { match: manager.match(directory) },
          victim: { match: { exe: victims.exe } },
        },
        collectors: { processes: { interval: '1s', exits: 'netlink' } },
      });
      const program = await startProgram(home);
      const w = asking(program);
      manager.start(directory, victims.exe);
      const first = (await w.becomes('healthy')).instances[0]!.pid;
      await w.becomes('healthy', 'manager');

      process.kill(first, 'SIGKILL');
      const next = await until('it was started again', async () => {
        const { restarts, instances } = await w.view();
        return restarts === 1 && instances[0]?.pid;
      });
      expect(next).not.toBe(first);
      expect((await w.view()).lastExit).toMatchObject({ reason: 'signal', signal: 'SIGKILL' });

      manager.tell(directory, 'stop');
      await w.becomes('stopped');
      manager.tell(directory, 'start');
      await w.becomes('healthy');
      const found = execFileSync(BIN, ['discover'], { encoding: 'utf8' });
      expect(found).toMatch(/victimd/);
      expect(await w.exits('manager')).toEqual({ exit: 0, signal: 0, oom: 0, unknown: 0 });
      expect((await w.view('manager')).instances).toHaveLength(1);
      await program.stop();
    });
