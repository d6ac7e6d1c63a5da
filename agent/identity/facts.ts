// What a process is, read from /proc when first asked and no sooner. Nothing here throws.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessFacts } from '../core/daemon.ts';
import { codeOf } from '../core/errors.ts';
import { type Cgroup, parseCgroup, parseStack, parseUid } from './parse.ts';

/** Everything is undefined when it could not be read. */
export interface Facts {
  readonly process: ProcessFacts;
  /** Target of /proc/PID/exe, also after the file was replaced. */
  exe(): string | undefined;
  /** Arguments joined by blanks, cut at 32 KiB. */
  cmdline(): string | undefined;
  /** Effective uid. */
  uid(): number | undefined;
  cgroup(): Cgroup | undefined;
  /** Another one after every exec: the file it runs, wherever that is now, and where its stack begins. */
  program(): string | undefined;
  /** Whether something was refused for want of rights. */
  denied(): boolean;
  /** Whether something failed for a reason that may pass, so that the answer must not be remembered. */
  doubtful(): boolean;
}

const MAX_CMDLINE = 32 * 1024;
const GONE = new Set(['ENOENT', 'ESRCH', 'ENOTDIR']);
const DENIED = new Set(['EACCES', 'EPERM']);

export function createFacts(root: string, process: ProcessFacts): Facts {
  const own = join(root, 'proc', String(process.pid));
  const { began } = process;
  // One that was gone too soon may still be known by the name the kernel gave it.
  let denied = began !== undefined && began.exe === undefined;
  let doubtful = false;

  const once = <T>(read: () => T): (() => T | undefined) => {
    let asked = false;
    let value: T | undefined;
    return () => {
      if (asked) return value;
      asked = true;
      try {
        value = read();
      } catch (error) {
        const code = codeOf(error) ?? '';
        if (DENIED.has(code)) denied = true;
        else if (!GONE.has(code)) doubtful = true;
      }
      return value;
    };
  };

  /** The first thread may end before the others; then it has no program, and they still have. */
  const others = once(() => readdirSync(join(own, 'task')).filter(tid => tid !== String(process.pid)));
  const thread = () => {
    const [other] = others() ?? [];
    return other === undefined ? own : join(own, 'task', other);
  };
  const exe = (): string => {
    try {
      return readlinkSync(join(own, 'exe'));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return readlinkSync(join(thread(), 'exe'));
    }
  };
  const cmdline = (directory: string): string =>
    readFileSync(join(directory, 'cmdline'))
      .subarray(0, MAX_CMDLINE)
      .toString()
      .replace(/\0+$/, '')
      .replaceAll('\0', ' ');

  return {
    process,
    exe: once(() => (began ? began.exe : exe().replace(/ \(deleted\)$/, ''))),
    cmdline: once(() => process.cmdline ?? (cmdline(own) || cmdline(thread()))),
    uid: once(() => (began ? began.uid : parseUid(readFileSync(join(own, 'status'), 'utf8')))),
    cgroup: once(() => parseCgroup(began ? (began.cgroup ?? '') : readFileSync(join(own, 'cgroup'), 'utf8'))),
    program: once(() => {
      const { dev, ino } = statSync(`${own}/exe`);
      return `${dev}:${ino}:${process.stack ?? parseStack(readFileSync(join(own, 'stat'), 'latin1'))}`;
    }),
    denied: () => denied,
    doubtful: () => doubtful,
  };
}
