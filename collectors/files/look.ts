// One look: which paths there are, which file is at each, and which files changed. Opens and reads nothing itself.

import { fstatSync, type Stats, statSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { attempt } from '../../agent/core/errors.ts';
import type { Log } from '../../agent/core/log.ts';
import { type FileStatus, type StatusOf, statusBy } from '../../agent/native/status.ts';
import type { Arrivals, Candidate } from './arrivals.ts';
import type { Discovery } from './discover.ts';
import type { LogFile } from './file.ts';
import { identityOf, isSame } from './identity.ts';
import { pathOfOpen, rawPath } from './names.ts';
import type { Beside, Sibling } from './rotation.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Troubles } from './troubles.ts';

/** The globs are walked when a directory changed, and this often when none seems to have. */
const WALK_MS = 60_000;

export interface Looker {
  /** Marks the files that changed as unread, and tells which are at no path of their source. */
  look(now: number): void;
  /** The same for the files at these paths alone; false when another is at one of them, which takes a look. */
  glance(paths: Iterable<string>, now: number): boolean;
  /** The file that the last look found at a path. */
  at(source: Source, path: string): LogFile | undefined;
  /** Where the files of the globs are, or would be; another set after each walk. */
  readonly directories: ReadonlySet<string>;
}

export function createLooker(
  root: string,
  sources: readonly Source[],
  discovery: Discovery,
  arrivals: Arrivals,
  beside: Beside,
  shelf: Shelf,
  troubles: Troubles,
  log: Log,
  statusOf: StatusOf,
): Looker {
  /** What the globs found, by source and path; undefined for paths that are another's or excluded. */
  const candidates = new Map<Source, Map<string, Candidate | undefined>>();
  let directories = new Set<string>();
  let looks = 0;
  let walkedAt = 0;

  function discover(source: Source): void {
    const known = candidates.get(source);
    const found = new Map<string, Candidate | undefined>();
    discovery.find(
      source.include,
      source.unpacks,
      at => {
        directories.add(dirname(at.path));
        const before = known?.get(at.path);
        const isSame = known?.has(at.path) && (before === undefined || before.target === at.target);
        if (isSame) found.set(at.path, before);
        else found.set(at.path, source.has(at.path) ? { ...at, source, file: undefined } : undefined);
      },
      (path, error) => troubles.report(source, path, error),
    );
    candidates.set(source, found);
    if (known === undefined && found.size === 0)
      log.info(`no log file fits ${source.include.join(' ')} yet`, { daemon: source.daemon });
  }

  function* all(): Iterable<Candidate> {
    for (const found of candidates.values())
      for (const candidate of found.values()) if (candidate !== undefined) yield candidate;
  }

  /** Finds out which file is at a candidate; returns what it saw of one that is not followed. */
  function visit(candidate: Candidate, now: number): Stats | undefined {
    const { source, path, target, isNamed } = candidate;
    let status = statusOf(rawPath(target));
    if (status === undefined) return undefined;
    let { file } = candidate;
    if (file === undefined || !isSame(file.id, status) || !shelf.files.has(file)) {
      const stats = statSync(rawPath(target), { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      if (!stats.isFile()) {
        const kind = isNamed && kindOf(stats);
        if (kind) troubles.report(source, path, new Error(`is a ${kind}`));
        return undefined;
      }
      status = statusBy(stats);
      file = shelf.get(source, status);
      candidate.file = file;
      if (file === undefined) return stats;
    }
    file.seen = looks;
    if (file.path === path) file.isHome = true;
    else file.alias = candidate;
    observe(file, status, now);
    return undefined;
  }

  /** Takes up what is at a candidate, when it is known where the files are that were there before. */
  function arrive(candidate: Candidate, stats: Stats, now: number): void {
    const { source } = candidate;
    const file = shelf.get(source, identityOf(stats)) ?? arrivals.arrive(candidate, stats, looks === 1, now);
    candidate.file = file;
    file.seen = looks;
    observe(file, statusBy(stats), now);
  }

  /** Learns what an open file is called by now, as others of its log may be found where it is. */
  function trace(file: LogFile): void {
    const target = pathOfOpen(file.fd);
    if (target === undefined || relative(root, target).startsWith('..')) return;
    file.target = target;
    file.path = `/${relative(root, target)}`;
    beside.learn(file.trail.path, file.path);
  }

  /** Finds out where a file has gone that is at no candidate. */
  function settle(file: LogFile, now: number): void {
    if (file.seen === looks) {
      if (!file.isHome && file.alias !== undefined) {
        file.path = file.alias.path;
        file.target = file.alias.target;
      }
      file.detachedAt = 0;
      file.isAsked = file.hasWriter = file.isFinished = false;
    } else {
      const isGone = file.detachedAt > 0;
      if (!isGone) file.detachedAt = now;
      if (file.fd < 0) {
        const at = beside.find(file.path, file.id, file.trail.path) ?? standing(file);
        if (at === undefined) {
          file.links = 0;
          return;
        }
        file.path = at.path;
        file.target = at.target;
        observe(file, { links: 1, size: at.size, mtime: at.mtime }, now);
        file.unread = file.wants(at.size);
      } else {
        observe(file, statusBy(fstatSync(file.fd)), now);
        if (!isGone && file.links > 0) trace(file);
      }
    }
    file.isHome = false;
    file.alias = undefined;
  }

  return {
    at: (source, path) => candidates.get(source)?.get(path)?.file,
    get directories() {
      return directories;
    },
    glance(paths, now) {
      let isKnown = true;
      for (const path of paths)
        for (const found of candidates.values()) {
          const candidate = found.get(path);
          if (candidate === undefined) continue;
          const { file, target } = candidate;
          const status = attempt(() => statusOf(rawPath(target)));
          if (file === undefined || status === undefined || !isSame(file.id, status)) isKnown = false;
          else observe(file, status, now);
        }
      return isKnown;
    },
    look(now) {
      looks++;
      if (discovery.isStale() || now - walkedAt >= WALK_MS || now < walkedAt) {
        directories = new Set();
        discovery.begin();
        for (const source of sources) discover(source);
        shelf.sweep();
        walkedAt = now;
      }
      if (looks === 1) arrivals.restore(all(), now);
      const arrived: [Candidate, Stats][] = [];
      for (const candidate of all())
        try {
          const stats = visit(candidate, now);
          if (stats) arrived.push([candidate, stats]);
        } catch (error) {
          troubles.report(candidate.source, candidate.path, error);
        }
      for (const file of shelf.files)
        try {
          settle(file, now);
        } catch (error) {
          troubles.report(file.source, file.path, error);
        }
      arrived.sort(([, a], [, b]) => a.mtimeMs - b.mtimeMs || a.birthtimeMs - b.birthtimeMs);
      for (const [candidate, stats] of arrived)
        try {
          arrive(candidate, stats, now);
        } catch (error) {
          troubles.report(candidate.source, candidate.path, error);
        }
    },
  };
}

/** A closed file where it was, when no link leads there any more. */
function standing({ path, id, closedAs: target }: LogFile): Sibling | undefined {
  const stats = target && attempt(() => statSync(rawPath(target), { throwIfNoEntry: false }));
  if (!stats || !isSame(identityOf(stats), id)) return undefined;
  return { path, target, id, size: stats.size, mtime: stats.mtimeMs };
}

/** What nobody means as a log file; a device such as /dev/null may be meant. */
const kindOf = (stats: Stats): string | undefined =>
  stats.isDirectory() ? 'directory' : stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : undefined;

function observe(file: LogFile, seen: Pick<FileStatus, 'links' | 'size' | 'mtime'>, now: number): void {
  file.links = seen.links;
  if (seen.size === file.size && seen.mtime === file.mtime) return;
  file.size = seen.size;
  file.mtime = seen.mtime;
  if (file.size > file.peak) file.peak = file.size;
  file.changedAt = now;
  file.unread = file.wants(file.size);
}
