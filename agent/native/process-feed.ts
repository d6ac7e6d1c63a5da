// Process events out of two sockets that hear the same: one only of programs, at which somebody must look the moment they
// begin; the other of everything, read now and then. So a fork or an end wakes nobody. Pure but for what it is handed.

import type { ProcessFacts } from '../core/daemon.ts';
import { KernelEvent, parseEvent, What } from './parse-event.ts';
import type { Sieve } from './sieve.ts';

/** Times in Unix ms. */
export type ProcessEvent =
  | { readonly what: 'fork'; readonly at: number; readonly pid: number; readonly parent: number }
  /** Without a process when it was gone before it could be looked at. */
  | {
      readonly what: 'exec';
      readonly at: number;
      readonly pid: number;
      readonly process: ProcessFacts | undefined;
    }
  /** `status` as wait(2) gives it; `parent` is who started it, 0 for one that was there before. */
  | {
      readonly what: 'exit';
      readonly at: number;
      readonly pid: number;
      readonly parent: number;
      readonly status: number;
    };

export interface WatchedBatch {
  readonly events: readonly ProcessEvent[];
  /** The kernel had no room for more: some events are missing, before these. */
  readonly overflow: boolean;
}

/** A program as somebody saw it begin. */
export interface Glance {
  /** Whether it may be a daemon's by itself. */
  readonly fits: boolean;
  /** Given when it fits, and when its process was known as somebody's. */
  readonly process: ProcessFacts | undefined;
}

export interface Feed {
  /** Looks at the programs that have begun. */
  programs(): void;
  /** What has happened; undefined when nothing of account has. */
  all(): WatchedBatch | undefined;
}

export const EAGAIN = 11;
export const ENOBUFS = 105;
const EINTR = 4;
const MAX_BATCH = 4096;

export interface FeedRoom {
  readonly view: DataView;
  /** Each fills `view` and gives the bytes of a message, or an error number as a negative one. Does not wait. */
  receivePrograms(): number;
  receiveAll(): number;
  /** Undefined when it is gone. */
  glance(pid: number): Glance | undefined;
  facts(pid: number): ProcessFacts | undefined;
  readonly sieve: Sieve;
  /** Unix ms when CLOCK_MONOTONIC was 0. */
  epoch(): number;
  /** Throws. */
  fail(errno: number): never;
}

interface Seen {
  readonly time: number;
  readonly glance: Glance | undefined;
}

export function createFeed(room: FeedRoom): Feed {
  const { view, sieve } = room;
  const event = new KernelEvent();
  const seen = new Map<number, Seen>();
  /** Up to here, in ms of CLOCK_MONOTONIC, everything has been read. */
  let readTo = -Infinity;
  let overflow = false;

  /** False when there is no more. */
  const next = (receive: () => number): boolean => {
    for (;;) {
      const length = receive();
      if (length >= 0) {
        if (parseEvent(view, length, event)) return true;
      } else if (length === -ENOBUFS) overflow = true;
      else if (length === -EAGAIN) return false;
      else if (length !== -EINTR) room.fail(-length);
    }
  };

  const glanceAt = ({ pid, time }: KernelEvent): Glance | undefined => {
    const before = seen.get(pid);
    // A later glance tells of what was before as well, and it has an event of its own.
    if (before && before.time > time) return before.glance;
    seen.delete(pid);
    return before?.time === time ? before.glance : room.glance(pid);
  };

  /** Who takes another name may be a daemon by it; one of account goes on as what it was. */
  const rename = (at: number, { pid, time }: KernelEvent): ProcessEvent | undefined => {
    const glance = glanceAt(event);
    if (sieve.concerns(pid) || !glance?.fits) return undefined;
    sieve.exec(pid, true, time);
    return { what: 'exec', at, pid, process: glance.process };
  };

  const exec = (at: number, { pid, time }: KernelEvent): ProcessEvent | undefined => {
    const glance = glanceAt(event);
    if (!sieve.exec(pid, glance?.fits, time)) return undefined;
    if (!glance || glance.fits) return { what: 'exec', at, pid, process: glance?.process };
    // It descends from one of account; gone, it was what its parent is.
    const process = glance.process ?? room.facts(pid);
    return process && { what: 'exec', at, pid, process };
  };

  const take = (epoch: number): ProcessEvent | undefined => {
    const { what, time, pid, parent, status } = event;
    const at = Math.round(epoch + time);
    readTo = time;
    if (what === What.Fork) return sieve.fork(pid, parent) ? { what: 'fork', at, pid, parent } : undefined;
    if (what === What.Exec) return exec(at, event);
    if (what === What.Comm) return rename(at, event);
    if (what !== What.Exit) return undefined;
    const from = sieve.parentOf(pid);
    return sieve.exit(pid, time) ? { what: 'exit', at, pid, parent: from, status } : undefined;
  };

  return {
    programs() {
      while (next(room.receivePrograms))
        if ((event.what === What.Exec || event.what === What.Comm) && event.time > readTo)
          seen.set(event.pid, { time: event.time, glance: room.glance(event.pid) });
    },
    all() {
      const events: ProcessEvent[] = [];
      const epoch = room.epoch();
      while (events.length < MAX_BATCH && next(room.receiveAll)) {
        const each = take(epoch);
        if (each) events.push(each);
      }
      if (events.length === 0 && !overflow) return undefined;
      const batch = { events, overflow };
      if (overflow) seen.clear();
      overflow = false;
      return batch;
    },
  };
}
