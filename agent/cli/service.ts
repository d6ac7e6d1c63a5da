// `eudaemon start|stop|restart|reload` and `status --pidfile`: the classic background daemon, with LSB's exit codes.

import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lives } from '../control/life.ts';
import { type Holder, readPidfile, removePidfile } from '../control/pidfile.ts';
import { ConfigError, causeOf, codeOf, isDenied, SetupError, UsageError } from '../core/errors.ts';
import { parseDuration } from '../core/units.ts';
import { CONFIG, readOptions } from './args.ts';
import { configFile, readConfig } from './config.ts';
import { controlOf, post } from './control.ts';
import { detach } from './detach.ts';
import type { Command } from './index.ts';
import { DENIED } from './launch.ts';

/** Linux Standard Base 5, 22.2: of `status`, and of the other actions. */
const DEAD = 1;
const STOPPED = 3;
const UNKNOWN = 4;
const NOT_RUNNING = 7;
const PAUSE_MS = 50;
const KILL_MS = 5000;

const PIDFILE = '      --pidfile FILE    where the pid of the agent stands';
const STARTING = `  -c, --config FILE     the configuration, as for 'eudaemon run'
      --log FILE        append stdout and stderr to FILE, which SIGUSR1 opens again; else nobody hears them`;
const STOPPING = `      --timeout TIME    end it with SIGKILL when it has not drained by then, which loses nothing; 30s when absent`;

const say = (text: string) => void process.stdout.write(`${text}\n`);
const complain = (text: string) => void process.stderr.write(`${text}\n`);

interface Asked {
  readonly pidfile: string;
  readonly config: string | undefined;
  readonly log: string | undefined;
  readonly timeoutMs: number;
}

const OPTIONS = {
  pidfile: { type: 'string' },
  ...CONFIG,
  log: { type: 'string' },
  timeout: { type: 'string' },
} as const;

/** The agent has another working directory, so that all paths are made absolute. */
function parse(command: string, argv: string[], ...allowed: (keyof typeof OPTIONS)[]): Asked {
  const options = Object.fromEntries(['pidfile' as const, ...allowed].map(name => [name, OPTIONS[name]]));
  const values: Partial<Record<keyof typeof OPTIONS, string>> = readOptions(command, argv, options);
  const { pidfile, config, log, timeout = '30s' } = values;
  if (pidfile === undefined) throw new UsageError(`${command}: --pidfile FILE is missing`);
  const timeoutMs = parseDuration(timeout);
  if (timeoutMs === undefined)
    throw new UsageError(`${command}: --timeout "${timeout}" is not a duration such as 30s`);
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
  return {
    pidfile: resolve(pidfile),
    config: absolute(configFile(config)),
    log: absolute(log),
    timeoutMs,
  };
}

/** An action that fails for want of a right ends with LSB's code for that. */
const privileged =
  (act: Command['run']): Command['run'] =>
  async argv => {
    try {
      return await act(argv);
    } catch (error) {
      const expected = error instanceof SetupError || error instanceof ConfigError;
      if (!expected || !isDenied(error)) throw error;
      complain(`eudaemon: ${error.message}`);
      return DENIED;
    }
  };

export const start: Command = {
  summary: 'start the agent in the background; returns when it is ready, or has failed',
  usage: `eudaemon start --pidfile FILE [--config FILE] [--log FILE]

${PIDFILE}
${STARTING}

Exits 0 when the agent is ready or was running already; else it prints why, and exits 78 when the configuration is bad,
4 when you have no right to, and 1 when it cannot run.`,
  run: privileged(async argv => begin(parse('start', argv, 'config', 'log'))),
};

export const stop: Command = {
  summary: 'stop the agent of a pidfile',
  usage: `eudaemon stop --pidfile FILE [--timeout TIME]

${PIDFILE}
${STOPPING}

Exits 0 when it does not run any more, or did not; 4 when you have no right to end it.`,
  run: privileged(async argv => end(parse('stop', argv, 'timeout'))),
};

export const restart: Command = {
  summary: 'stop the agent of a pidfile, and start it again',
  usage: `eudaemon restart --pidfile FILE [--config FILE] [--log FILE] [--timeout TIME]

${PIDFILE}
${STARTING}
${STOPPING}

A bad configuration is told first, and the running agent goes on. Exits as 'eudaemon start' does.`,
  run: privileged(async argv => {
    const asked = parse('restart', argv, 'config', 'log', 'timeout');
    await readConfig(asked.config, process.env, true);
    return (await end(asked)) || begin(asked);
  }),
};

export const reload: Command = {
  summary: 'have the agent of a pidfile read its configuration again',
  usage: `eudaemon reload --pidfile FILE

${PIDFILE}

Exits 0 when the new configuration runs, 1 when it is bad (the old one goes on, and the problems are printed), 4 when you
have no right to, 7 when no agent runs.`,
  run: privileged(async argv => {
    const { pidfile } = parse('reload', argv);
    const holder = readPidfile(pidfile);
    if (!holder?.alive) {
      complain(describe(holder, pidfile));
      return NOT_RUNNING;
    }
    const control = controlOf(holder.pid);
    if (control === undefined) {
      signal(holder.pid, 'SIGHUP');
      say(`eudaemon was told to reload, pid ${holder.pid}`);
      return 0;
    }
    const { status, text } = await post(control, '/-/reload');
    (status === 200 ? process.stdout : process.stderr).write(`${text.trimEnd()}\n`);
    return status === 200 ? 0 : 1;
  }),
};

/** The exit code of `status --pidfile FILE`. */
export function tellPidfile(pidfile: string): number {
  try {
    const holder = readPidfile(resolve(pidfile));
    say(describe(holder, pidfile));
    return holder === undefined ? STOPPED : holder.alive ? 0 : DEAD;
  } catch (error) {
    say(causeOf(error));
    return UNKNOWN;
  }
}

function describe(holder: Holder | undefined, pidfile: string): string {
  if (holder === undefined) return `eudaemon is not running: there is no pidfile "${pidfile}"`;
  return holder.alive
    ? `eudaemon is running, pid ${holder.pid}`
    : `eudaemon is dead, and its pidfile "${pidfile}" is still there`;
}

async function begin({ pidfile, config, log }: Asked): Promise<number> {
  const holder = readPidfile(pidfile);
  if (holder?.alive) {
    say(describe(holder, pidfile));
    return 0;
  }
  const options = Object.entries({ pidfile, config, log });
  const args = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const { pid, failed } = await detach(['run', ...args], log);
  if (failed === undefined) say(`eudaemon is running, pid ${pid}`);
  else complain(failed.code === 78 ? failed.message : `eudaemon: ${failed.message}`);
  return failed?.code ?? 0;
}

async function end({ pidfile, timeoutMs }: Asked): Promise<number> {
  const holder = readPidfile(pidfile);
  if (!holder?.alive) {
    removePidfile(pidfile);
    say('eudaemon is not running');
    return 0;
  }
  const { pid, start: began } = holder;
  signal(pid, 'SIGTERM');
  if (!(await gone(pid, began, timeoutMs))) {
    complain(`eudaemon has not drained within ${timeoutMs / 1000} s: ending it with SIGKILL`);
    signal(pid, 'SIGKILL');
    if (!(await gone(pid, began, KILL_MS)))
      throw new SetupError(
        `cannot stop agent "${pid}": not even SIGKILL ends it; it may wait for a dead disk`,
      );
  }
  if (readPidfile(pidfile)?.pid === pid) removePidfile(pidfile);
  say(`eudaemon has stopped, pid ${pid}`);
  return 0;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH')
      throw new SetupError(`cannot signal agent "${pid}": ${causeOf(error)}`, { cause: error });
  }
}

async function gone(pid: number, began: string, withinMs: number): Promise<boolean> {
  for (let waited = 0; lives(pid, began); waited += PAUSE_MS) {
    if (waited >= withinMs) return false;
    await pause(PAUSE_MS);
  }
  return true;
}
