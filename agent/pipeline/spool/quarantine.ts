// Where damage is set aside for whoever wants to look at it: a directory of bounded size, of which the oldest goes first.

import { mkdirSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

export const QUARANTINE = 'damaged';
const LIMIT = 16 * 2 ** 20;
/** Most that is kept of one run of damaged bytes. */
const PIECE = 4 * 2 ** 20;

export interface Quarantine {
  /** Copies bytes `from..to` of a file; what of them cannot be read is left out. */
  copy(name: string, fd: number, from: number, to: number): void;
  /** Takes a whole file out of the way. */
  move(path: string, name: string): void;
}

/** Failures are told and change nothing: it is a courtesy. */
export function createQuarantine(spoolDir: string, log: Log): Quarantine {
  const dir = join(spoolDir, QUARANTINE);

  const attempt = (name: string, work: (path: string) => void) => {
    const path = join(dir, name);
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      work(path);
      trim();
      log.info('set aside what is damaged', { path });
    } catch (error) {
      log.warn(`cannot set aside "${path}": ${causeOf(error)}`);
    }
  };

  const trim = () => {
    const kept = readdirSync(dir)
      .map(name => ({ name, ...statOf(join(dir, name)) }))
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    let total = 0;
    for (const { name, size } of kept) {
      total += size;
      if (total > LIMIT) rmSync(join(dir, name), { force: true, recursive: true });
    }
  };

  return {
    copy(name, fd, from, to) {
      attempt(name, path => {
        const bytes = Buffer.alloc(Math.min(to - from, PIECE));
        let got = 0;
        for (let n = 1; n > 0 && got < bytes.length; got += n) n = tryRead(fd, bytes, got, from + got);
        writeFileSync(path, bytes.subarray(0, got), { mode: 0o600 });
      });
    },
    move: (path, name) => attempt(name, to => renameSync(path, to)),
  };
}

const statOf = (path: string) => {
  const { size, mtimeMs } = statSync(path);
  return { size, mtimeMs };
};

function tryRead(fd: number, into: Buffer, at: number, position: number): number {
  try {
    return readSync(fd, into, at, into.length - at, position);
  } catch {
    return 0;
  }
}
