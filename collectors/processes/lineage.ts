// Who of the daemons lives, kept by the kernel's events between two looks: what begins, what ends and how, and who goes
// on in the place of another. Pure but for what it asks the room.

import type { DaemonLookup, Exit, ProcessFacts } from '../../agent/core/daemon.ts';
import { AWAITED_MS, exitOf } from '../../agent/core/exit.ts';
import type { ProcessEvent } from '../../agent/native/process-events.ts';
import { BRIEF_MS } from '../../agent/native/sieve.ts';
import { createMembers } from './members.ts';

export interface Kin {
  readonly process: ProcessFacts;
  readonly daemon: string;
  /** Unix ms. */
  readonly startedAt: number;
  /** The top of its tree; its end is the end of an instance. */
  claimed: boolean;
}

export interface Told {
  began(kin: Kin): void;
  ended(kin: Kin, exit: Exit): void;
  /** A child of a top was killed by SIGKILL. */
  killed(kin: Kin): void;
}

export interface Lineage {
  take(events: readonly ProcessEvent[]): void;
  /**
   * What a look has found, all of it, the same map again when nothing has changed, and when, monotonic ms. What looks miss is
   * forgotten when nobody waits for its end any more.
   */
  seen(found: ReadonlyMap<number, Kin>, elapsed: number): void;
  /** Tells the beginnings of those that have lived for a while by now: a launcher has not. */
  settle(now: number): void;
  /** Whether there is something for `settle()`. */
  readonly unsettled: boolean;
}

/** A life that ends well within this and leaves children was that of a launcher: daemons detach so. */
export const LAUNCH_MS = 10_000;
/** Beginnings are told after this. */
export const SETTLE_MS = 100;
const MAX_STRANGERS = 1_024;
/** So many brief lives of one daemon make a parent one that starts nothing else. */
const SURE = 3;
const MAX_UNSEEN = 64;

/** Later than its daemon gives it up. */
const FORGET_MS = 2 * AWAITED_MS;

/** All threads of a process that ends are gone by then: one that goes on has not ended as its first thread has. */
const TEARDOWN_MS = 1000;

type End = Omit<ProcessEvent & { readonly what: 'exit' }, 'status'> & {
  /** Undefined when that cannot be told. */
  readonly status: number | undefined;
};

interface Member extends Kin {
  process: ProcessFacts;
  startedAt: number;
  parent: number;
  /** Unix ms when its program began, where that is known: it may have replaced itself. */
  launchedAt?: number;
  /** Since when looks miss it, monotonic ms. */
  missedAt: number | undefined;
  told: boolean;
  /** Its top has crashed: it is none itself. */
  leftOver: boolean;
}

/** A parent of programs of brief lives. */
interface Starter {
  readonly daemons: Set<string | undefined>;
  seen: number;
  /** Ends of those that were gone before anybody could look. */
  unseen: End[];
}

/** A program of no daemon: one may still turn out to be its own, by a pidfile it has left. */
interface Stranger {
  /** Undefined when it was gone before anybody could look. */
  readonly process: ProcessFacts | undefined;
  readonly at: number;
}

export function createLineage(
  daemons: Pick<DaemonLookup, 'ofProcess' | 'ofPid'>,
  host: {
    /** The process as /proc has it now. */
    look(pid: number): ProcessFacts | undefined;
    /** Whether it has lost no more than its first thread. */
    lingers(pid: number): boolean;
    /** How one ended that lingered, as wait(2) gives it; undefined when that cannot be told. */
    outcome(process: ProcessFacts): number | undefined;
  },
  told: Told,
): Lineage {
  const members = createMembers<Member>();
  const strangers = new Map<number, Stranger>();
  /** By parent. */
  const starters = new Map<number, Starter>();
  let young: Member[] = [];
  let lingering: End[] = [];
  /** Ends beside such as have only begun: who takes a place before its owner leaves it leaves none empty. */
  const held: { readonly kin: Kin; readonly exit: Exit; readonly behind: Member[] }[] = [];
  /** What the last look has found, while nobody else is a member. */
  let settled: ReadonlyMap<number, Kin> | undefined;

  const add = (pid: number, kin: Kin, parent: number) => {
    const member: Member = { ...kin, parent, missedAt: undefined, told: false, leftOver: false };
    members.set(pid, member);
    settled = undefined;
    strangers.delete(pid);
    if (kin.claimed) young.push(member);
    return member;
  };

  const drop = (pid: number) => {
    if (members.delete(pid)) settled = undefined;
  };

  const fork = (pid: number, parent: number, at: number) => {
    strangers.delete(pid);
    const of = members.get(parent);
    if (!of) return drop(pid);
    const process = { pid, ppid: parent, startTicks: -1, comm: of.process.comm };
    add(pid, { process, daemon: of.daemon, startedAt: at, claimed: false }, parent);
  };

  const exec = (pid: number, process: ProcessFacts | undefined, at: number) => {
    const before = members.get(pid);
    const daemon = process && daemons.ofProcess(process);
    if (process === undefined || daemon === undefined) {
      // Unseen, it goes on as what it was.
      if (before && process === undefined) return;
      drop(pid);
      if (strangers.size >= MAX_STRANGERS) strangers.delete(strangers.keys().next().value!);
      strangers.set(pid, { process, at });
      return;
    }
    if (before?.daemon === daemon && before.claimed) {
      before.launchedAt = at;
      return;
    }
    add(pid, { process, daemon, startedAt: at, claimed: !isBelow(process, daemon) }, process.ppid);
  };

  /** Whether one of the daemon has started it: its parent, or where that has ended the leader of its session. */
  const isBelow = ({ pid, ppid, session = pid }: ProcessFacts, daemon: string): boolean =>
    (members.get(ppid)?.daemon ?? daemons.ofPid(ppid)) === daemon ||
    (session !== pid && members.get(session)?.daemon === daemon);

  /** A stranger that was a daemon's after all. */
  const recognise = ({ process, at }: Stranger): Kin | undefined => {
    const daemon = process && daemons.ofProcess(process);
    if (!process || daemon === undefined || isBelow(process, daemon)) return undefined;
    return { process, daemon, startedAt: at, claimed: true };
  };

  /** Of a parent that starts one daemon and nothing else, what nobody saw was that daemon, too. */
  const tellUnseen = ({ daemons: started, seen, unseen }: Starter) => {
    const [daemon] = started;
    if (daemon === undefined || seen < SURE) return;
    for (const { pid, parent, status, at } of unseen.splice(0)) {
      const process = { pid, ppid: parent, startTicks: -1, comm: daemon.slice(0, 15) };
      told.ended(
        { process, daemon, startedAt: at, claimed: true },
        { ...exitOf(status), at, source: 'netlink' },
      );
    }
  };

  const isHeld = (daemon: string): boolean => held.some(({ kin }) => kin.daemon === daemon);
  const isUntold = (member: Member): boolean => members.get(member.process.pid) === member && !member.told;

  const exit = (end: End) => {
    const { pid, parent, status, at } = end;
    const member = members.get(pid);
    if (member?.claimed && host.lingers(pid)) return void lingering.push(end);
    const stranger = strangers.get(pid);
    const kin = member ?? (stranger && recognise(stranger));
    drop(pid);
    strangers.delete(pid);
    starters.delete(pid);
    if (parent !== 0 && (stranger || member?.claimed)) note(end, kin, stranger);
    const behind = kin ? young.filter(each => each.daemon === kin.daemon && isUntold(each)) : [];
    const children = member ? members.bequeath(pid, member.parent) : [];
    const ended = exitOf(status);
    if (!kin?.claimed) return void (kin && ended.signal === 'SIGKILL' && told.killed(kin));
    const well = ended.reason === 'exit' && ended.code === 0;
    const heirs = children.filter(child => child.daemon === kin.daemon);
    const launcher = well && heirs.length > 0 && at - (member?.launchedAt ?? kin.startedAt) < LAUNCH_MS;
    const { session } = kin.process;
    for (const heir of heirs)
      if (launcher || (well && isIn(heir, session))) promote(heir, pid);
      else heir.leftOver = true;
    const how: Exit = { ...ended, at, source: 'netlink' };
    if (launcher) told.ended(kin, { ...how, handedOver: true });
    else if (behind.length > 0 || isHeld(kin.daemon)) held.push({ kin, exit: how, behind });
    else told.ended(kin, how);
  };

  /** What cannot be told is in any. */
  const isIn = ({ process }: Member, session: number | undefined): boolean => {
    const own = (host.look(process.pid) ?? process).session;
    return own === undefined || session === undefined || own === session;
  };

  /**
   * What outlives its top in the same session goes on as one, unless that has crashed: then it is only left over, as is who
   * has a session of their own.
   */
  const promote = (heir: Member, from: number) => {
    const process = heir.process.startTicks < 0 ? host.look(heir.process.pid) : heir.process;
    if (!process) return;
    const { pid } = process;
    const promoted = add(pid, { ...heir, process, claimed: true }, from);
    promoted.told = heir.told;
    for (const { behind } of held) if (behind.some(each => each.process.pid === from)) behind.push(promoted);
  };

  const note = (end: End, kin: Kin | undefined, stranger: Stranger | undefined) => {
    const known = starters.get(end.parent);
    const unseen = kin === undefined && stranger?.process === undefined;
    if (unseen && (!known || known.unseen.length >= MAX_UNSEEN)) return;
    if (!unseen && end.at - (kin?.startedAt ?? stranger!.at) > BRIEF_MS) return;
    const starter = known ?? { daemons: new Set(), seen: 0, unseen: [] };
    starters.set(end.parent, starter);
    if (unseen) starter.unseen.push(end);
    else {
      starter.seen++;
      starter.daemons.add(kin?.daemon);
    }
    if (starter.daemons.size > 1) starter.unseen = [];
    else tellUnseen(starter);
  };

  return {
    take(events) {
      for (const event of events) {
        const { pid, at } = event;
        if (event.what === 'fork') fork(pid, event.parent, at);
        else if (event.what === 'exec') exec(pid, event.process, at);
        else exit(event);
      }
    },
    seen(found, elapsed) {
      if (found === settled) return;
      for (const [pid, member] of members) {
        if (found.has(pid)) continue;
        member.missedAt ??= elapsed;
        if (elapsed - member.missedAt > FORGET_MS) members.delete(pid);
      }
      for (const [pid, kin] of found) {
        const before = members.get(pid);
        if (before?.process.startTicks === kin.process.startTicks && before.daemon === kin.daemon) {
          before.process = kin.process;
          before.startedAt = kin.startedAt;
          before.claimed ||= kin.claimed && !before.leftOver;
          before.missedAt = undefined;
          before.told = true;
        } else {
          const parent = before?.parent ?? kin.process.ppid;
          members.set(pid, { ...kin, parent, missedAt: undefined, told: true, leftOver: false });
        }
      }
      settled = members.size === found.size ? found : undefined;
    },
    settle(now) {
      const waiting = lingering;
      lingering = [];
      for (const end of waiting) {
        const { pid, status, at } = end;
        const member = members.get(pid);
        if (!member || host.lingers(pid)) exit(end);
        else {
          const known = now - at < TEARDOWN_MS ? status : undefined;
          exit({ ...end, at: now, status: host.outcome(member.process) ?? known });
        }
      }
      // A beginning far ahead is of before somebody set the clock back.
      const isYoung = ({ startedAt }: Member) => Math.abs(now - startedAt) < SETTLE_MS;
      const ready = young.filter(member => !isYoung(member));
      young = young.filter(isYoung);
      for (const member of ready) {
        if (members.get(member.process.pid) !== member || member.told) continue;
        member.told = true;
        told.began(member);
      }
      for (const end of held.splice(0))
        if (end.behind.some(isUntold) || isHeld(end.kin.daemon)) held.push(end);
        else told.ended(end.kin, end.exit);
    },
    get unsettled() {
      return young.length > 0 || lingering.length > 0 || held.length > 0;
    },
  };
}
