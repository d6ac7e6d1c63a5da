// Hints that something happened to a file or a directory. They wake a look early and decide nothing: the kernel drops
// them when too many come, and has none for network file systems.

import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import type { Log } from '../../agent/core/log.ts';
import { rawPath } from './names.ts';

/** Directories watched. */
const MAX_DIRECTORIES = 128;

export interface Hints {
  /** Watches these directories, paths below the root, and no others. */
  watch(directories: ReadonlySet<string>): void;
  close(): void;
}

/** `wake` hears the path below the root of a file that changed, or nothing when names in a directory did. */
export function createHints(root: string, log: Log, wake: (path?: string) => void): Hints {
  const watchers = new Map<string, FSWatcher>();
  let limited = false;
  let watched: ReadonlySet<string> | undefined;

  function add(dir: string): void {
    try {
      const watcher = watch(rawPath(join(root, dir)), { persistent: false }, (event, name) =>
        wake(event === 'change' && name !== null ? join(dir, name) : undefined),
      );
      watcher.on('error', () => remove(dir));
      watchers.set(dir, watcher);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return;
      limited = true;
      const why =
        code === 'ENOSPC'
          ? 'the limit of watches is reached; raise sysctl fs.inotify.max_user_watches'
          : code === 'EMFILE'
            ? 'a limit is reached; raise sysctl fs.inotify.max_user_instances, or LimitNOFILE='
            : causeOf(error);
      log.info(`cannot watch "${dir}": ${why}; log files are polled all the same`);
    }
  }

  function remove(dir: string): void {
    watchers.get(dir)?.close();
    watchers.delete(dir);
  }

  return {
    watch(directories) {
      if (directories === watched) return;
      watched = directories;
      const wanted = new Set([...directories].slice(0, MAX_DIRECTORIES));
      for (const dir of watchers.keys()) if (!wanted.has(dir)) remove(dir);
      for (const dir of wanted) if (!limited && !watchers.has(dir)) add(dir);
    },
    close() {
      for (const dir of watchers.keys()) remove(dir);
    },
  };
}
