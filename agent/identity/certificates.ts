// Death certificates. Whoever ends is given one at once; it is completed by what follows (last log records, who else
// died, who took the place) and told as an event a few seconds later, so that the event holds all of it. What comes
// after that still goes into the kept certificate.

import type { Certificate, LastWord } from '../core/certificate.ts';
import type { Clock } from '../core/clock.ts';
import type { EventSink } from '../core/collector.ts';
import type { Exit } from '../core/daemon.ts';
import type { CertificateStore } from './certificate-store.ts';
import { exited } from './events.ts';
import type { Recorder } from './recorder.ts';
import type { Member } from './roster.ts';
import type { CheckStatus } from './series.ts';

/** Is told of beginnings and ends of main processes as the table sees them. */
export interface Witness {
  began(now: number, daemon: string, process: Member, restart: boolean): void;
  ended(now: number, daemon: string, process: Member, exit: Exit, checks: readonly CheckStatus[]): void;
  /** systemd's `Result` of the daemon's last end. */
  managed(now: number, daemon: string, systemdResult: string): void;
  /** The end after which it has not been seen to come up again, also by an earlier life of the agent. */
  lastEnd(daemon: string): LastEnd | undefined;
  /** Whether a kept certificate is of this process. */
  hasEnded(daemon: string, process: Member): boolean;
}

export type LastEnd = Exit & { readonly pid: number; readonly at: number };

export interface Certificates extends Witness {
  /** Reads what earlier lives of the agent kept, and tells what they could not. */
  recover(): void;
  declare(daemons: readonly string[]): void;
  /** Newest first. */
  of(daemon: string): readonly Certificate[];
  /** Tells what is not told yet. */
  flush(): Promise<void>;
}

/** Log records that were on their way when it died have come by now. */
const WORDS_MS = 1000;
/** At the latest the event is told. */
const SETTLE_MS = 5000;
/** Ends within this time belong together; of one daemon's only the first has a certificate. */
export const TOGETHER_MS = 10_000;
const SAMPLES_MS = 10 * 60_000;
/** Of a daemon. */
const KEPT = 2;
const MAX_RECENT = 200;

type Death = Certificate['alsoDied'][number];

interface Pending {
  words: readonly LastWord[];
  /** Records received later are of the next life. */
  until: number;
  readonly cancel: (() => void)[];
}

export function createCertificates(room: {
  readonly events: EventSink;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly recorder: Pick<Recorder, 'samples' | 'began'>;
  readonly store: CertificateStore;
  lastWords(daemon: string): Promise<readonly LastWord[]>;
  corePattern(): string | undefined;
}): Certificates {
  const { clock, recorder, store } = room;
  const kept = new Map<string, Certificate[]>();
  const pending = new Map<string, Pending>();
  const recent: Death[] = [];
  const changed = new Set<string>();
  let saving = false;
  /** Of an earlier life of the agent, which ended before it could tell them. */
  const untold = new Set<string>();
  let running = false;

  const save = (daemon: string) => store.save(daemon, kept.get(daemon) ?? [], !pending.has(daemon));
  const saveSoon = (daemon: string) => {
    changed.add(daemon);
    if (saving) return;
    saving = true;
    clock.after(WORDS_MS, () => {
      saving = false;
      for (const name of changed) save(name);
      changed.clear();
    });
  };
  const amend = (daemon: string, how: (certificate: Certificate) => Certificate) => {
    const [newest, ...older] = kept.get(daemon) ?? [];
    if (!newest) return;
    kept.set(daemon, [how(newest), ...older]);
    saveSoon(daemon);
  };

  const listen = async (daemon: string, end: Pending) => {
    const heard = await room.lastWords(daemon);
    const restarted = kept.get(daemon)?.[0]?.restart;
    const own = heard.filter(({ at, pid }) => (pid === undefined ? at <= end.until : pid !== restarted?.pid));
    // The next life may have pushed out what an earlier answer still had.
    if (own.length >= end.words.length) end.words = own;
  };

  /** Those who died beside this one, and are told of it. */
  const besides = (death: Death): Death[] => {
    const { daemon, at } = death;
    for (const other of new Set(recent.map(each => each.daemon)))
      if (other !== daemon && isNear(kept.get(other)?.[0], at))
        amend(other, certificate => ({ ...certificate, alsoDied: [...certificate.alsoDied, death] }));
    const others = recent.filter(each => each.daemon !== daemon && isNear(each, at));
    recent.push(death);
    if (recent.length > MAX_RECENT) recent.shift();
    return others;
  };

  const tell = () => {
    for (const daemon of untold) {
      const newest = kept.get(daemon)?.[0];
      if (newest) room.events.emit(exited(newest));
      save(daemon);
    }
    untold.clear();
  };

  const settle = (daemon: string) => {
    const end = pending.get(daemon);
    const [newest, ...older] = kept.get(daemon) ?? [];
    if (!end || !newest) return;
    pending.delete(daemon);
    for (const cancel of end.cancel) cancel();
    const certificate = { ...newest, logs: end.words };
    kept.set(daemon, [certificate, ...older]);
    room.events.emit(exited(certificate));
    save(daemon);
  };

  return {
    recover() {
      running = true;
      tell();
    },
    declare(daemons) {
      const names = new Set(daemons);
      for (const name of kept.keys()) {
        if (names.has(name)) continue;
        settle(name);
        if (changed.delete(name)) save(name);
        kept.delete(name);
      }
      for (const name of names) {
        if (kept.has(name)) continue;
        const { certificates, told } = store.load(name);
        kept.set(name, certificates);
        if (!told) untold.add(name);
      }
      if (running) tell();
    },
    of: daemon => kept.get(daemon) ?? [],

    began(now, daemon, process, restart) {
      const startedAt = Math.min(now, startOf(process) ?? now);
      recorder.began(daemon, startedAt);
      if (!restart || kept.get(daemon)?.[0]?.restart) return;
      amend(daemon, certificate => ({
        ...certificate,
        // Seen by looking now and then, the end came before the beginning of the next.
        ...(isExact(certificate.exit) ? {} : { at: Math.min(certificate.at, startedAt) }),
        restart: {
          pid: process.pid,
          at: isExact(certificate.exit) ? Math.max(certificate.at, startedAt) : startedAt,
        },
      }));
      const end = pending.get(daemon);
      if (!end) return;
      end.until = startedAt;
      void listen(daemon, end);
    },

    ended(now, daemon, process, exit, checks) {
      const at = exit.at ?? now;
      const death: Death = { daemon, pid: process.pid, at, exit };
      // Of whom nobody saw an end, nobody knows who died beside them.
      const alsoDied = exit.lastSeenAt === undefined ? besides(death) : [];

      const [newest, ...older] = kept.get(daemon) ?? [];
      const repeats = newest !== undefined && isNear(newest, at);
      // What is brief tells the latest figures only.
      const since = at - (repeats ? TOGETHER_MS : SAMPLES_MS);
      const certificate = createCertificate(death, process, since, checks, alsoDied, room);
      if (repeats) {
        amend(daemon, first => ({
          ...first,
          repeats: { count: (first.repeats?.count ?? 0) + 1, lastAt: at, lastExit: exit },
        }));
        room.events.emit(exited(certificate, true));
        return;
      }
      const end: Pending = { words: [], until: Infinity, cancel: [] };
      kept.set(daemon, [certificate, ...(newest ? [newest, ...older] : [])].slice(0, KEPT));
      pending.set(daemon, end);
      end.cancel.push(
        clock.after(WORDS_MS, async () => {
          await listen(daemon, end);
          if (kept.get(daemon)?.[0]?.restart && pending.get(daemon) === end) settle(daemon);
        }),
        clock.after(SETTLE_MS, () => settle(daemon)),
      );
      save(daemon);
    },

    managed(now, daemon, systemdResult) {
      const newest = kept.get(daemon)?.[0];
      if (newest && isNear(newest, now) && newest.exit.systemdResult !== systemdResult)
        amend(daemon, certificate => ({ ...certificate, exit: { ...certificate.exit, systemdResult } }));
    },

    lastEnd(daemon) {
      const [newest] = kept.get(daemon) ?? [];
      if (!newest || (newest.restart && !newest.repeats)) return undefined;
      const { pid, at, exit, repeats } = newest;
      return repeats ? { ...repeats.lastExit, pid, at: repeats.lastAt } : { ...exit, pid, at };
    },

    hasEnded: (daemon, process) =>
      (kept.get(daemon) ?? []).some(({ pid, at }) => pid === process.pid && at >= (startOf(process) ?? 0)),

    async flush() {
      await Promise.all(
        [...pending].map(async ([daemon, end]) => {
          await listen(daemon, end);
          settle(daemon);
        }),
      );
      for (const daemon of changed) save(daemon);
      changed.clear();
      await store.flush();
    },
  };
}

const startOf = ({ startedAt }: Member): number | undefined =>
  startedAt === undefined ? undefined : Math.round(startedAt * 1000);

const isExact = ({ source }: Exit): boolean => source === 'netlink' || source === 'pidfd';

const isNear = (death: { readonly at: number } | undefined, at: number): boolean =>
  death !== undefined && Math.abs(death.at - at) < TOGETHER_MS;

function createCertificate(
  { daemon, pid, at, exit }: Death,
  process: Member,
  since: number,
  checks: readonly CheckStatus[],
  alsoDied: readonly Death[],
  { recorder, corePattern }: Parameters<typeof createCertificates>[0],
): Certificate {
  const { comm, posture } = process;
  const startedAt = startOf(process);
  const samples = recorder.samples(daemon, since);
  const open = samples.fds.at(-1) ?? undefined;
  const usage = samples.fdUsage.at(-1) ?? undefined;
  const memory = samples.memory.at(-1) ?? undefined;
  const limit = posture?.limits['open_files']?.soft;
  const pattern = exit.coreDumped === undefined ? undefined : corePattern();
  return {
    daemon,
    pid,
    program: comm,
    at,
    ...(startedAt !== undefined && { startedAt: Math.min(at, startedAt) }),
    exit,
    ...(pattern !== undefined && { corePattern: pattern }),
    ...(open !== undefined && {
      fds: { open, ...(typeof limit === 'number' && { limit }), ...(usage !== undefined && { usage }) },
    }),
    ...(memory !== undefined && { memory }),
    checks,
    samples,
    logs: [],
    alsoDied,
  };
}
