// A `journalctl --follow` of our own, started again with back-off whenever it ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { causeOf, codeOf } from '../../agent/core/errors.ts';

export interface Follower {
  pause(): void;
  resume(): void;
  /** The program does its work: the next back-off begins anew. */
  healthy(): void;
  /** Ends it and resolves when the last of its output has been handed over. */
  close(): Promise<void>;
}

/** How one life of the program ended: what it said last on stderr, or why it could not start. */
export interface Ended {
  readonly reason: string;
  /** There is no such program. */
  readonly absent: boolean;
}

export interface FollowOptions {
  /** Arguments of the next life. */
  args(): readonly string[];
  /** A new life begins: what the last one left incomplete is void. */
  begin(): void;
  data(portion: Uint8Array): void;
  /** A line of its stderr. */
  said(line: string): void;
  ended(end: Ended): void;
  /** Asked once a life after `settleMs`; false ends it. */
  settled(): boolean;
  readonly settleMs: number;
  /** ms to wait before life `attempt` (from 1); counted anew after `healthy()`. */
  readonly retryMs: (attempt: number) => number;
}

const KILL_MS = 2000;
const LONGEST_SAYING = 300;

export function followJournal(options: FollowOptions): Follower {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let attempts = 0;
  let closing = false;
  let over = () => {};

  const start = () => {
    options.begin();
    let last = '';
    let failure: unknown;
    child = spawn('journalctl', options.args(), {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', SYSTEMD_COLORS: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout!.on('data', options.data);
    child.stderr!.on('data', (portion: Buffer) => {
      for (const line of portion.toString().split('\n')) {
        if (line.trim() === '') continue;
        last = line.trim().slice(0, LONGEST_SAYING);
        options.said(last);
      }
    });
    child.on('error', error => {
      failure ??= error;
    });
    const settle = setTimeout(() => {
      if (options.settled()) attempts = 0;
      else child?.kill();
    }, options.settleMs);
    child.once('close', (code, signal) => {
      clearTimeout(settle);
      child = undefined;
      over();
      if (closing) return;
      const how = signal === null ? `exit ${code}` : `signal ${signal}`;
      options.ended({
        reason: failure ? causeOf(failure) : last ? `${how}: ${last}` : how,
        absent: codeOf(failure) === 'ENOENT',
      });
      timer = setTimeout(start, options.retryMs(++attempts));
    });
  };
  start();

  return {
    pause: () => void child?.stdout?.pause(),
    resume: () => void child?.stdout?.resume(),
    healthy() {
      attempts = 0;
    },
    async close() {
      closing = true;
      clearTimeout(timer);
      const ending = child;
      if (!ending) return;
      const ended = new Promise<void>(resolve => {
        over = resolve;
      });
      ending.kill();
      ending.stdout?.resume();
      const late = setTimeout(() => ending.kill('SIGKILL'), KILL_MS);
      await ended;
      clearTimeout(late);
    },
  };
}
