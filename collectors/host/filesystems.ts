// Space of the mounted filesystems. statfs(2) on a dying disk may never return, and each such call holds one of
// the few threads all file access shares: so there is one call at a time, and nobody waits for it beyond a second.

import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from './parse.ts';

export interface Space extends Mount {
  /** Bytes by state. */
  readonly bytes: { readonly used: number; readonly free: number; readonly reserved: number };
  /** Undefined where the filesystem does not count them. */
  readonly inodes: { readonly used: number; readonly free: number } | undefined;
}

const PATIENCE_MS = 1000;
/** Beyond it a host has more filesystems than anyone looks at. */
const MAX_FILESYSTEMS = 64;

export interface Filesystems {
  /** Rejects when a filesystem does not answer, and at once while that lasts. */
  look(mounts: readonly Mount[]): Promise<Space[]>;
}

export function createFilesystems(root: string, stat = statfs): Filesystems {
  let asked: string | undefined;

  const space = async (mount: Mount): Promise<Space | undefined> => {
    asked = mount.mountpoint;
    try {
      const { blocks, bfree, bavail, bsize, files, ffree } = await stat(join(root, mount.mountpoint));
      return {
        ...mount,
        bytes: { used: (blocks - bfree) * bsize, free: bavail * bsize, reserved: (bfree - bavail) * bsize },
        inodes: files > 0 ? { used: files - ffree, free: ffree } : undefined,
      };
    } catch {
      // Unmounted since, or not ours to see: it has no figures.
      return undefined;
    } finally {
      asked = undefined;
    }
  };

  const all = async (mounts: readonly Mount[], given: { up: boolean }): Promise<Space[]> => {
    const spaces: Space[] = [];
    for (const mount of mounts.slice(0, MAX_FILESYSTEMS)) {
      if (given.up) break;
      const one = await space(mount);
      if (one) spaces.push(one);
    }
    return spaces;
  };

  return {
    async look(mounts) {
      const hung = () => new Error(`filesystem "${asked}" does not answer`);
      if (asked !== undefined) throw hung();
      const given = { up: false };
      const patience = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        given.up = true;
        patience.reject(hung());
      }, PATIENCE_MS);
      try {
        return await Promise.race([all(mounts, given), patience.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
