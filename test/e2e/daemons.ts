// Real daemons from the distribution, in the foreground, on ports and directories of the test.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { find } from '../tools.ts';
import { until } from './until.ts';

export interface Daemon {
  readonly pid: number;
  /** Ends it, and resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

const accepts = (port: number) =>
  new Promise<boolean>(answer => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });

/** Ends a process group, also what outlives its leader: workers of a master that was killed. Never our own (0). */
export function killGroup(leader: number): void {
  if (!(leader > 1)) throw new Error(`${leader} leads no group`);
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // None of it is left.
  }
}

async function start(program: string, args: readonly string[], port: number): Promise<Daemon> {
  const child = spawn(find(program) ?? program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', chunk => output.push(chunk));
  child.stderr.on('data', chunk => output.push(chunk));
  const ended = new Promise<void>(end => child.once('exit', () => end()));
  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  onTestFinished(async () => {
    killGroup(child.pid!);
    await ended;
  });
  await until(`${program} listens on ${port}`, () => {
    if (child.exitCode !== null) throw new Error(Buffer.concat(output).toString());
    return accepts(port);
  });
  return { pid: child.pid!, kill };
}

/** nginx with one worker, `access.log`, `error.log` and `nginx.pid` in `directory`; answers 200 everywhere. */
export function startNginx(directory: string, port: number): Promise<Daemon> {
  const path = join(directory, 'nginx.conf');
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${join(directory, kind)};`,
  );
  writeFileSync(
    path,
    `daemon off; pid ${directory}/nginx.pid; worker_processes 1; error_log ${directory}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 64; }
http {
  ${temp.join(' ')}
  access_log ${directory}/access.log combined;
  server { listen 127.0.0.1:${port}; location / { return 200 "fine\\n"; } }
}
`,
  );
  return start('nginx', ['-c', path, '-e', `${directory}/error.log`], port);
}

/** redis without persistence. */
export function startRedis(directory: string, port: number): Promise<Daemon> {
  const storage = ['--save', '', '--appendonly', 'no', '--dir', directory];
  return start('redis-server', ['--bind', '127.0.0.1', '--port', `${port}`, ...storage], port);
}

/** Prometheus that scrapes `target` (host:port) every second as job `eudaemon`. */
export function startPrometheus(
  directory: string,
  port: number,
  target: string,
  rules: string,
): Promise<Daemon> {
  const path = join(directory, 'prometheus.yml');
  writeFileSync(join(directory, 'rules.yaml'), rules);
  writeFileSync(
    path,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yaml]
scrape_configs: [{ job_name: eudaemon, static_configs: [{ targets: ["${target}"] }] }]
`,
  );
  const args = [`--config.file=${path}`, `--storage.tsdb.path=${directory}/tsdb`];
  return start('prometheus', [...args, `--web.listen-address=127.0.0.1:${port}`], port);
}

/** A process and all that descend from it. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone between the two calls.
    }
  }
  const family = [pid];
  for (const member of family)
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

const PAGE = 4096;

/** What /proc says of processes together: open file descriptors and resident bytes. */
export function usageOf(pids: readonly number[]): { fds: number; residentBytes: number } {
  return {
    fds: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    residentBytes: pids.reduce(
      (sum, pid) => sum + Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE,
      0,
    ),
  };
}
