// Who has log files open for writing, as /proc tells it (proc(5): fd, fdinfo). One pass goes over all processes, a few
// descriptors a look, so that thousands of them hold nothing up.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, codeOf } from '../../agent/core/errors.ts';

export interface Writer {
  readonly pid: number;
  readonly comm: string;
  /** Opens the file, whatever became of its names. */
  readonly path: string;
  /** Every write goes to the end. */
  readonly appends: boolean;
}

export interface Pass {
  /** Room time in ms. */
  readonly begunAt: number;
  /** It saw the descriptors of every process. */
  readonly isWhole: boolean;
  of(dev: number, ino: number): readonly Writer[];
}

export interface Writers {
  /** Goes on with a pass, or begins one; returns it once it is over. */
  step(now: number): Pass | undefined;
}

/** Descriptors looked at in one step. */
const STEP_DESCRIPTORS = 1000;
/** A pass begins so long after the one before, and longer after one that took many steps; ms. */
const PAUSE_MS = 2000;
const PAUSE_SHARE = 5;

const ACCESS_MODE = 3;
const APPEND = 0o2000;

export function createWriters(root: string): Writers {
  const proc = join(root, 'proc');
  let pids: string[] = [];
  let found = new Map<string, Writer[]>();
  let isWhole = true;
  let begunAt = 0;
  let restUntil = 0;

  function visit(pid: string): number {
    const dir = join(proc, pid, 'fd');
    let names: string[];
    try {
      names = readdirSync(dir);
    } catch (error) {
      if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') isWhole = false;
      return 1;
    }
    for (const name of names) {
      const path = join(dir, name);
      const stats = attempt(() => statSync(path, { throwIfNoEntry: false }));
      if (!stats?.isFile()) continue;
      const flags = flagsOf(join(proc, pid, 'fdinfo', name));
      if ((flags & ACCESS_MODE) === 0) continue;
      const key = `${stats.dev}:${stats.ino}`;
      const writer = {
        pid: Number(pid),
        comm: textOf(join(proc, pid, 'comm')),
        path,
        appends: (flags & APPEND) !== 0,
      };
      const before = found.get(key);
      if (before) before.push(writer);
      else found.set(key, [writer]);
    }
    return names.length + 1;
  }

  return {
    step(now) {
      if (pids.length === 0) {
        if (now < restUntil && restUntil - now < 600_000) return undefined;
        begunAt = now;
        isWhole = true;
        found = new Map();
        try {
          pids = readdirSync(proc).filter(name => /^\d+$/.test(name));
        } catch {
          // Without /proc nothing is known.
        }
        if (pids.length === 0) isWhole = false;
      }
      for (let left = STEP_DESCRIPTORS; left > 0 && pids.length > 0; ) left -= visit(pids.pop()!);
      if (pids.length > 0) return undefined;
      restUntil = now + Math.max(PAUSE_MS, (now - begunAt) * PAUSE_SHARE);
      const [writers, at, whole] = [found, begunAt, isWhole];
      return { begunAt: at, isWhole: whole, of: (dev, ino) => writers.get(`${dev}:${ino}`) ?? [] };
    },
  };
}

const textOf = (path: string): string => attempt(() => readFileSync(path, 'latin1').trimEnd()) ?? '';

/** 0, which is read-only, when it is not told. */
const flagsOf = (path: string): number =>
  Number.parseInt(/^flags:\s*([0-7]+)/m.exec(textOf(path))?.[1] ?? '0', 8);
