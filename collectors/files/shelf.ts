// The files that are followed, and the trails they write to.

import { readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { StreamRoom } from '../../agent/core/collector.ts';
import { type ContainerLog, containerLogOf, dockerNames } from './containers.ts';
import { LogFile, type Seen } from './file.ts';
import { type Identity, keyOf } from './identity.ts';
import type { Source } from './sources.ts';
import type { Succession } from './succession.ts';
import { type Pen, Trail } from './trail.ts';

/** Trails remembered although no file writes to them. */
const KEPT_TRAILS = 1000;

export interface Shelf {
  readonly files: ReadonlySet<LogFile>;
  readonly trails: Iterable<Trail>;
  /** Files ever added. */
  readonly count: number;
  get(source: Source, id: Identity): LogFile | undefined;
  /** The files of a path, if any were there. */
  filesOf(source: Source, path: string): Succession | undefined;
  /** Something was at a path that is gone, and was seen until then; ms. */
  leave(source: Source, path: string, unseenSince: number, now: number): void;
  /** A file that was not followed before, of the trail of `trailPath`. */
  add(source: Source, trailPath: string, at: Seen, now: number): LogFile;
  remove(file: LogFile, now: number): void;
  /** Puts a file behind all others in the order of `files`. */
  last(file: LogFile): void;
  /** Paths of the files that were seen to change at `since` or later, and are still there. */
  changed(since: number): string[];
  /** Forgets trails that no file writes to, the oldest first, when there are many. */
  sweep(): void;
}

export function createShelf(room: StreamRoom, pen: Pen): Shelf {
  const files = new Set<LogFile>();
  const byKey = new Map<string, LogFile>();
  const trails = new Map<string, Trail>();
  let count = 0;
  const nameOf = (source: Source, name: string) => `${source.id}\u0000${name}`;

  function trailOf(source: Source, path: string): Trail {
    const key = nameOf(source, path);
    let trail = trails.get(key);
    if (trail === undefined) {
      trail = createTrail(source, path);
      trails.set(key, trail);
    }
    return trail;
  }

  function createTrail(source: Source, path: string): Trail {
    const name = basename(path);
    const pod = containerLog(room.root, path);
    const service = source.daemon ?? pod?.container ?? name;
    const originOf = () => {
      const labels = pod?.uid === undefined ? undefined : source.pods?.labelsOf(pod.uid);
      const attributes = labels ? [...pod!.attributes, ...labels] : pod?.attributes;
      return room.origins.of(service, source.daemon, undefined, attributes);
    };
    return new Trail(source, path, originOf, pen);
  }

  return {
    files,
    get count() {
      return count;
    },
    get trails() {
      return trails.values();
    },
    get: (source, id) => byKey.get(nameOf(source, keyOf(id))),
    filesOf: (source, path) => trails.get(nameOf(source, path))?.files,
    leave: (source, path, unseenSince, now) => trailOf(source, path).files.leave(unseenSince, now),
    add(source, trailPath, at, now) {
      const trail = trailOf(source, trailPath);
      const file = new LogFile(at, source, trail, now);
      trail.files.add(file);
      files.add(file);
      count++;
      byKey.set(nameOf(source, keyOf(at.id)), file);
      return file;
    },
    remove(file, now) {
      files.delete(file);
      byKey.delete(nameOf(file.source, keyOf(file.id)));
      file.trail.files.remove(file, now);
    },
    last(file) {
      files.delete(file);
      files.add(file);
    },
    changed(since) {
      const paths: string[] = [];
      for (const file of files) if (file.changedAt >= since && file.detachedAt === 0) paths.push(file.path);
      return paths;
    },
    sweep() {
      for (const [key, trail] of trails) {
        if (trails.size <= KEPT_TRAILS) return;
        if (trail.files.isEmpty && !trail.isHolding) trails.delete(key);
      }
    },
  };
}

/** What is known of a log's container; a link in /var/log/containers leads to the path that tells more. */
function containerLog(root: string, path: string): ContainerLog | undefined {
  const told = containerLogOf(path);
  if (told === undefined || told.uid !== undefined) return told;
  try {
    if (told.container === undefined) {
      const names = dockerNames(readFileSync(join(root, dirname(path), 'config.v2.json'), 'utf8'));
      const container = names.find(([key]) => key === 'container.name')?.[1];
      return { ...(container && { container }), attributes: [...told.attributes, ...names] };
    }
    const target = containerLogOf(readlinkSync(join(root, path)));
    if (target?.uid === undefined) return told;
    const id = told.attributes.filter(([key]) => key === 'container.id');
    return { ...target, attributes: [...target.attributes, ...id] };
  } catch {
    return told;
  }
}
