// Which of the machine's process events concern a declared daemon, as far as their programs tell: everybody else comes
// and goes without a word. Lets through too much rather than too little. Pure.

/** Programs of daemons. A process of none of them is of no account, unless it descends from one that is. */
export interface Interest {
  /** Some daemon is known by no property of a program: every process is of account. */
  readonly all: boolean;
  readonly exes: readonly string[];
  readonly comms: readonly string[];
  /** Parts of a cgroup's path. */
  readonly cgroups: readonly string[];
}

/** A program as it begins; what may not be known is undefined. What costs more to know is asked for only when the rest does not tell. */
export interface Program {
  readonly exe: string | undefined;
  readonly comm: string | undefined;
  cgroup(): string | undefined;
}

export interface Sieve {
  /** Each tells whether the event goes on. `fitting` is undefined when nobody could look in time. */
  fork(pid: number, parent: number): boolean;
  exec(pid: number, fitting: boolean | undefined, at: number): boolean;
  exit(pid: number, at: number): boolean;
  /** Whether it is of account by now. */
  concerns(pid: number): boolean;
  /** Who started it; 0 for one that was there before us. Asked before its `exit`. */
  parentOf(pid: number): number;
}

/** Programs of a parent that live no longer can be gone before anybody has looked at them. */
export const BRIEF_MS = 200;

/** The pids that are of account: a bit each, in memory that two threads write. */
export interface Kin {
  has(pid: number): boolean;
  add(pid: number): void;
  remove(pid: number): void;
}

/** PID_MAX_LIMIT of linux/threads.h. */
export const KIN_BYTES = 2 ** 22 / 8;

export function createKin(memory: SharedArrayBuffer): Kin {
  const words = new Int32Array(memory);
  return {
    has: pid => (Atomics.load(words, pid >> 5) & (1 << (pid & 31))) !== 0,
    add: pid => void Atomics.or(words, pid >> 5, 1 << (pid & 31)),
    remove: pid => void Atomics.and(words, pid >> 5, ~(1 << (pid & 31))),
  };
}

/** Whether it may be a daemon's by itself. */
export function fits({ exe, comm, cgroup }: Program, { all, exes, comms, cgroups }: Interest): boolean {
  if (all || exe === undefined || exes.includes(exe)) return true;
  if (comms.length > 0 && comms.includes(comm ?? '')) return true;
  if (cgroups.length === 0) return false;
  const path = cgroup();
  return path === undefined || cgroups.some(part => path.includes(part));
}

export function createSieve(kin: Kin): Sieve {
  /** Parents of those that were born under our eyes and live. */
  const born = new Map<number, number>();
  /** When the programs of no account began that live. */
  const others = new Map<number, number>();
  /** Parents of brief programs of no account: who of theirs was not seen may be one more. */
  const mixed = new Set<number>();

  return {
    fork(pid, parent) {
      born.set(pid, parent);
      others.delete(pid);
      const concerns = kin.has(parent);
      if (concerns) kin.add(pid);
      else kin.remove(pid);
      return concerns;
    },
    exec(pid, fitting, at) {
      const concerns = kin.has(pid) || (fitting ?? !mixed.has(born.get(pid) ?? 0));
      if (concerns) kin.add(pid);
      else others.set(pid, at);
      return concerns;
    },
    exit(pid, at) {
      const began = others.get(pid);
      if (began !== undefined && at - began <= BRIEF_MS) mixed.add(born.get(pid) ?? 0);
      const concerns = kin.has(pid);
      born.delete(pid);
      others.delete(pid);
      mixed.delete(pid);
      kin.remove(pid);
      return concerns;
    },
    concerns: kin.has,
    parentOf: pid => born.get(pid) ?? 0,
  };
}
