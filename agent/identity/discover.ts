// Finds the daemons of this host: who they are, what they listen on and which logs they write. Nothing here throws for
// what the host holds; what may not be read is missing.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { MatchSpec, ProcessFacts } from '../core/daemon.ts';
import type { Held } from '../core/endpoints.ts';
import { attempt } from '../core/errors.ts';
import { namesById, type Posture, readPosture } from '../core/posture.ts';
import { hasEnded, parseStat, type Stat, TICKS_PER_SECOND } from '../core/procstat.ts';
import { createBoot } from '../native/boot.ts';
import { type Candidate, census, isSupervisor } from './census.ts';
import { createFacts, type Facts } from './facts.ts';
import { createHoldings } from './holdings.ts';
import { createMatchers, type Host, type Matcher } from './matcher.ts';
import { nameOf, namesOf, type Program, programOf, unversioned } from './program.ts';

/** What the processes of a daemon do not have in common is undefined. */
export interface Discovered extends Held {
  /** The unit without `.service`, else the name of the program; fit for a configuration. */
  readonly name: string;
  /** systemd's service, when it runs nothing else. */
  readonly unit: string | undefined;
  readonly recipe: string | undefined;
  readonly exe: string | undefined;
  readonly comm: string | undefined;
  /** The name it is likely to log under. */
  readonly program: string | undefined;
  /** What an interpreter runs. */
  readonly script: string | undefined;
  readonly user: string | undefined;
  /** Of the first of its tops. */
  readonly posture: Posture;
  /** The tops of its process trees, and the processes below them. */
  readonly pids: readonly number[];
  readonly children: readonly number[];
  /** Starts other daemons of this list. */
  readonly supervisor: boolean;
  /** Of its oldest process. */
  readonly ageMs: number;
}

export interface Discovery {
  /** By name. */
  readonly daemons: readonly Discovered[];
  /** Processes of daemons whose open files may not be seen: their ports and logs are missing. */
  readonly unseen: number;
}

interface KnownRecipe {
  readonly name: string;
  readonly match: MatchSpec;
  /** Syslog tags. */
  readonly identifiers: readonly string[];
}

export interface Surroundings extends Host {
  readonly recipes: readonly KnownRecipe[];
  /** What was found before: a script keeps its name, and no other has that. */
  readonly known?: readonly Pick<Discovered, 'name' | 'script'>[];
  /** Whether a process is of a declared daemon; then neither it nor what it starts is looked for. */
  readonly claimed?: (process: ProcessFacts) => boolean;
}

interface Seen extends Candidate {
  readonly stat: Stat;
  readonly facts: Facts;
  readonly program: Program | undefined;
}

/** The recipe of the agent, which does not discover itself. */
const OWN_RECIPE = 'eudaemon';

export function discover({ recipes, known: before = [], claimed, ...host }: Surroundings): Discovery {
  const { root, now, elapsed } = host;
  const proc = join(root, 'proc');
  const matcherOf = createMatchers(host);
  const known = recipes.map(recipe => ({ ...recipe, matcher: matcherOf(recipe.match) }));
  const processes = new Map<number, Seen>();
  for (const stat of readStats(proc)) {
    const seen = look(root, stat, known);
    processes.set(stat.pid, claimed?.(stat) ? { ...seen, taken: true } : seen);
  }
  const tops = census(processes, selfOf(proc));
  const named = new Map<number, Named>();
  for (const [pid, top] of tops)
    if (pid === top) named.set(pid, identify(processes.get(pid)!, processes, recipes));
  tellApart([...named.values()], before);
  const groups = new Map<string, { tops: Named[]; children: number[] }>();
  for (const top of named.values())
    groups.getOrInsertComputed(top.name, () => ({ tops: [], children: [] })).tops.push(top);
  for (const [pid, top] of tops) if (pid !== top) groups.get(named.get(top)!.name)!.children.push(pid);

  const holdings = createHoldings(root);
  const postureOf = createPostures(root);
  const boot = attempt(createBoot(root, now, elapsed)) ?? now();
  const daemons = Array.from(groups, ([name, { tops, children }]): Discovered => {
    const shared = <T>(get: (top: Named) => T): T | undefined => {
      const first = get(tops[0]!);
      return tops.every(top => get(top) === first) ? first : undefined;
    };
    const pids = tops.map(({ seen }) => seen.pid);
    const posture = postureOf(tops[0]!.seen.stat);
    const oldest = Math.min(...tops.map(({ seen }) => seen.stat.startTicks));
    return {
      name,
      unit: shared(({ unit }) => unit),
      recipe: shared(({ seen }) => seen.recipe),
      exe: shared(({ seen }) => exeOf(seen.facts)),
      comm: shared(({ seen }) => seen.comm),
      program: shared(({ seen }) => seen.program?.name),
      script: shared(({ seen }) => seen.program?.script && unversioned(seen.program.script))
        ? tops[0]!.seen.program?.script
        : undefined,
      user: shared(({ seen }) => seen.facts.uid()) === undefined ? undefined : posture.user,
      posture,
      pids,
      children,
      ...holdings.of([...pids, ...children]),
      supervisor: tops.some(({ seen }) => isSupervisor(seen)),
      ageMs: Math.max(0, now() - boot - (oldest / TICKS_PER_SECOND) * 1000),
    };
  });
  return {
    daemons: daemons.sort((a, b) => (a.name < b.name ? -1 : 1)),
    unseen: holdings.denied(),
  };
}

interface Named {
  readonly seen: Seen;
  name: string;
  readonly unit: string | undefined;
}

/** Scripts of one name that are not one file are two daemons. */
function tellApart(tops: readonly Named[], before: NonNullable<Surroundings['known']>): void {
  const scriptOf = ({ seen, unit }: Named) =>
    unit === undefined && seen.recipe === undefined && seen.program?.script !== undefined
      ? unversioned(seen.program.script)
      : undefined;
  const called = new Map(
    before.flatMap(({ name, script }) => (script === undefined ? [] : [[unversioned(script), name]])),
  );
  const fileOf = (script: string) => script.slice(script.lastIndexOf('/') + 1);
  const taken = new Set([...before.map(({ name }) => name), ...[...called.keys()].map(fileOf)]);
  const fresh = new Map<string, Set<string>>();
  for (const top of tops) {
    const script = scriptOf(top);
    if (script === undefined) taken.add(top.name);
    else if (!called.has(script)) fresh.getOrInsertComputed(top.name, () => new Set()).add(script);
  }
  for (const scripts of fresh.values()) {
    const names = namesOf([...scripts], taken);
    for (const [i, script] of [...scripts].entries()) called.set(script, names[i]!);
  }
  for (const top of tops) top.name = called.get(scriptOf(top) ?? '') ?? top.name;
}

function identify(seen: Seen, processes: ReadonlyMap<number, Seen>, recipes: readonly KnownRecipe[]): Named {
  // A program that a supervisor has started shares the supervisor's unit.
  const unit = seen.unit === processes.get(seen.ppid)?.unit ? undefined : seen.unit;
  const called = seen.program?.name ?? seen.comm;
  // A file that nobody knows the daemon by, such as postfix's `master`.
  const isStrange = recipes.some(
    ({ name, identifiers }) => name === seen.recipe && !identifiers.includes(called),
  );
  return { seen, unit, name: nameOf(unit?.replace(/\.service$/, '') ?? (isStrange ? seen.recipe! : called)) };
}

/** Names systemd-run makes up say nothing the next time. */
const TRANSIENT = /^run-(u\d+|r[0-9a-f]{32})\.service$/;

function look(root: string, stat: Stat, recipes: readonly { name: string; matcher: Matcher }[]): Seen {
  const facts = createFacts(root, stat);
  const { pid, ppid, comm, kernelThread } = stat;
  const cgroup = kernelThread ? undefined : facts.cgroup();
  const unit = cgroup?.unit?.endsWith('.service') && !TRANSIENT.test(cgroup.unit) ? cgroup.unit : undefined;
  const recipe = kernelThread
    ? undefined
    : recipes.find(({ matcher }) => matcher.fixed(facts) && matcher.moving(stat))?.name;
  const program = kernelThread ? undefined : programOf(comm, exeOf(facts), facts.cmdline() ?? '');
  return {
    stat,
    facts,
    program,
    nameless: program === undefined,
    pid,
    ppid,
    comm,
    kernelThread,
    unit,
    recipe,
    leader: stat.session === pid,
    terminal: stat.terminal !== 0,
    ofUser: cgroup?.paths.some(path => /\/user@\d+\.service(\/|$)/.test(path)) ?? false,
    taken: recipe === OWN_RECIPE,
  };
}

/** A program in memory alone has no file that would be the same the next time. */
const exeOf = (facts: Facts): string | undefined =>
  facts.exe()?.startsWith('/memfd:') ? undefined : facts.exe();

function* readStats(proc: string): Generator<Stat> {
  for (const name of list(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const bytes = read(join(proc, name, 'stat'));
    const stat = bytes && parseStat(bytes, bytes.length);
    if (stat && !hasEnded(stat)) yield stat;
  }
}

/** Our pid as this /proc counts; undefined when we are not in it. */
const selfOf = (proc: string): number | undefined => attempt(() => Number(readlinkSync(join(proc, 'self'))));

/** How a process runs, asked below this root. */
function createPostures(root: string): (stat: Stat) => Posture {
  const text = (path: string) => read(join(root, path))?.toString();
  const names = (path: string) => namesById(text(path) ?? '');
  const users = names('etc/passwd');
  const groups = names('etc/group');
  const link = (path: string) => attempt(() => readlinkSync(join(root, path)));
  return stat =>
    readPosture(
      {
        file: name => text(`proc/${stat.pid}/${name}`),
        link: name => link(`proc/${stat.pid}/${name}`),
        linkOfFirst: name => link(`proc/1/${name}`),
        podLogs: () => list(join(root, 'var/log/pods')),
        user: uid => users.get(uid),
        group: gid => groups.get(gid),
      },
      stat,
    );
}

const read = (path: string): Buffer | undefined => attempt(() => readFileSync(path));

const list = (directory: string): string[] => attempt(() => readdirSync(directory)) ?? [];
