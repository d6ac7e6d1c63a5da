// Programs under measurement: started, waited for, weighed with all their children and threads, and ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const ROOT = resolve(import.meta.dirname, '..');
const TICKS_PER_SECOND = 100;
// One for each program and directory.
process.setMaxListeners(0);

export interface Program {
  readonly pid: number;
  /** Resolves with the next line it prints. */
  line(): Promise<string>;
  write(text: string): void;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

/** Starts a program; what it writes to stderr is shown when it ends with an error of its own. */
export function start(command: string, args: readonly string[]): Program {
  const child: ChildProcess = spawn(command, args, { cwd: tmpdir() });
  const lines: string[] = [];
  let rest = '';
  let errors = '';
  let wake = () => {};
  let stopping = false;
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const ended = new Promise<void>(done => {
    child.once('close', code => {
      process.off('exit', kill);
      if (!stopping) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${errors}`);
      done();
    });
  });
  return {
    pid: child.pid!,
    async line() {
      while (lines.length === 0)
        await new Promise<void>(ready => {
          wake = ready;
        });
      return lines.shift()!;
    },
    write: text => void child.stdin!.write(text),
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A program of this directory. */
export const startOwn = (file: string, ...args: string[]): Program =>
  start(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, file),
    ...args,
  ]);

/** Polls every 10 ms. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 120) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(10);
  }
}

export interface Cpu {
  /** Seconds, of all threads and children that still run, and of children that have ended. */
  readonly user: number;
  readonly system: number;
}

const statOf = (pid: number): string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

function treeOf(pid: number): number[] {
  const tree = [pid];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (tree.includes(Number(statOf(Number(name))[1]))) tree.push(Number(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  return tree;
}

export function cpuOf(pid: number): Cpu {
  let user = 0;
  let system = 0;
  for (const each of treeOf(pid)) {
    const fields = statOf(each);
    user += Number(fields[11]) + Number(fields[13]);
    system += Number(fields[12]) + Number(fields[14]);
  }
  return { user: user / TICKS_PER_SECOND, system: system / TICKS_PER_SECOND };
}

export interface Memory {
  readonly total: number;
  readonly anonymous: number;
}

/** Resident memory of the tree in MiB: all of it, and what no other process could share. */
export function memoryOf(pid: number): Memory {
  let total = 0;
  let anonymous = 0;
  for (const each of treeOf(pid)) {
    try {
      const status = readFileSync(`/proc/${each}/status`, 'latin1');
      const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      total += kib('VmRSS');
      anonymous += kib('RssAnon');
    } catch {
      // It has ended meanwhile.
    }
  }
  return { total: total / 1024, anonymous: anonymous / 1024 };
}

/** A directory that is gone when the bench is over. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'eudaemon-bench-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
