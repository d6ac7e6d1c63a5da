// The real program as a child process, on a home of its own: temp directories, free ports, real signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { type Metrics, parseMetrics } from './metrics.ts';
import { until } from './until.ts';

export const BIN = resolve(import.meta.dirname, '../../bin/eudaemon');

/** Twice the agent's own `shutdown_timeout`. */
const LONGEST_STOP_MS = 20_000;

/** Below those that the system gives out by itself, and apart from those of the files that run beside this one. */
const PORTS = 8000;
const firstPort = 12_000 + 10_000 * (Number(process.env['VITEST_POOL_ID'] ?? 1) % 2);
let taken = process.pid % PORTS;

/** A TCP port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + (taken++ % PORTS);
    const server = createServer();
    const isFree = await new Promise<boolean>(told => {
      server.once('error', () => told(false)).listen(port, '127.0.0.1', () => told(true));
    });
    if (!isFree) continue;
    await new Promise(closed => server.close(closed));
    return port;
  }
}

/** A fresh directory that is removed when the test ends. */
export function tempDir(name = 'e2e'): string {
  const directory = mkdtempSync(join(tmpdir(), `eudaemon-${name}-`));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Where an agent lives; it outlives the agent, so that the next one finds its state. */
export interface Home {
  readonly directory: string;
  readonly stateDir: string;
  readonly runDir: string;
  /** The syslog socket. */
  readonly socket: string;
  readonly configFile: string;
  /** Of the HTTP listener, without a slash at the end. */
  readonly url: string;
  /** Writes the file: YAML text as it is, an object with what it lacks of directories, socket and listener. */
  configure(config: string | Config): void;
}

export interface Config {
  agent?: Record<string, unknown>;
  daemons?: Record<string, unknown>;
  collectors?: Record<string, unknown>;
  exporters?: Record<string, unknown>;
  [key: string]: unknown;
}

export async function createHome(config: string | Config = {}): Promise<Home> {
  const directory = tempDir();
  const listen = `127.0.0.1:${await freePort()}`;
  const [stateDir, runDir, configFile] = [
    join(directory, 'state'),
    join(directory, 'run'),
    join(directory, 'e.yaml'),
  ];
  const socket = join(runDir, 'syslog.sock');
  mkdirSync(runDir);
  const configure = (given: string | Config) =>
    writeFileSync(
      configFile,
      typeof given === 'string'
        ? given
        : stringify({
            ...given,
            agent: { state_dir: stateDir, run_dir: runDir, ...given.agent },
            collectors: {
              syslog: { listen: [{ path: socket, mode: '0666' }] },
              processes: { interval: '1s' },
              ...given.collectors,
            },
            exporters: { prometheus: { listen }, ...given.exporters },
          }),
    );
  configure(config);
  return { directory, stateDir, runDir, socket, configFile, url: `http://${listen}`, configure };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  readonly home: Home;
  /** What it has written to stderr and stdout so far. */
  output(): string;
  metrics(): Promise<Metrics>;
  /** The page once it fits; the deadline's error shows the agent's output. */
  waitForMetrics(what: string, fits: (metrics: Metrics) => boolean, timeoutMs?: number): Promise<Metrics>;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
  /** SIGTERM, and its end; an error with its output when that takes too long. */
  stop(): Promise<Ended>;
}

/**
 * Runs `eudaemon` with these arguments; it is killed when the test ends. It gets `sockets` as systemd would give them, and
 * is started by the command `through`, which has to replace itself with it.
 */
export function spawnProgram(
  home: Home,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  sockets: readonly number[] = [],
  through: readonly string[] = [],
): Program {
  const activation = { LISTEN_FDS: String(sockets.length), ...env };
  const [command, ...before] = [...through, 'sh'];
  const child: ChildProcess = spawn(
    command!,
    [...before, '-c', `${sockets.length > 0 ? 'LISTEN_PID=$$ ' : ''}exec "$0" "$@"`, BIN, ...args],
    {
      cwd: home.directory,
      env: { ...process.env, NOTIFY_SOCKET: undefined, ...(sockets.length > 0 ? activation : env) },
      stdio: ['ignore', 'pipe', 'pipe', ...sockets],
    },
  );
  const chunks: Buffer[] = [];
  child.stdout?.on('data', chunk => chunks.push(chunk));
  child.stderr?.on('data', chunk => chunks.push(chunk));
  const ended = new Promise<Ended>((end, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => end({ code, signal }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const output = () => Buffer.concat(chunks).toString();
  const metrics = async () => {
    const response = await fetch(`${home.url}/metrics`, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
    return parseMetrics(await response.text());
  };
  return {
    pid: child.pid!,
    home,
    output,
    metrics,
    async waitForMetrics(what, fits, timeoutMs) {
      try {
        return await until(
          what,
          async () => {
            const page = await metrics();
            return fits(page) && page;
          },
          { timeoutMs },
        );
      } catch (error) {
        throw new Error(`${(error as Error).message}\n--- output of the agent\n${output()}`, {
          cause: error,
        });
      }
    },
    signal: signal => void child.kill(signal),
    ended,
    async stop() {
      child.kill('SIGTERM');
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, fail) => {
        timer = setTimeout(() => fail(new Error(`does not stop\n--- output\n${output()}`)), LONGEST_STOP_MS);
      });
      return Promise.race([ended, late]).finally(() => clearTimeout(timer));
    },
  };
}

/** Starts the agent on `home` and waits until it is ready. */
export async function startProgram(
  home: Home,
  env?: NodeJS.ProcessEnv,
  through?: readonly string[],
): Promise<Program> {
  const program = spawnProgram(home, ['run', '--config', home.configFile], env, [], through);
  const ready = until('the agent is ready', async () => (await fetch(`${home.url}/readyz`)).ok);
  const gone = program.ended.then(({ code }) => {
    throw new Error(`the agent ended with ${code} before it was ready`);
  });
  try {
    await Promise.race([ready, gone]);
  } catch (error) {
    const readyz = await fetch(`${home.url}/readyz`).then(r => r.text(), String);
    throw new Error(`${(error as Error).message}\n--- /readyz: ${readyz}\n${program.output()}`, {
      cause: error,
    });
  } finally {
    ready.catch(() => {});
    gone.catch(() => {});
  }
  return program;
}
