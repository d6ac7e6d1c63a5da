// Globs to paths below the room's root. Directories are read again when their time of change moved; one that was
// just changed is read twice, as its time may stand still while it changes again.

import { readlinkSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf } from '../../agent/core/errors.ts';
import type { Patterns } from '../../agent/core/pattern.ts';
import { type Entry, entriesIn, nameOf, rawPath } from './names.ts';

/** Directories below a `**`. */
const MAX_DEPTH = 16;
const MAX_LINKS = 16;
const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|zip|Z)$/;
const GLOB = /[*?[{]/;

/** A path as the operator names it may be a link; `target` is what to open, with the root before it. */
export interface Found {
  readonly path: string;
  readonly target: string;
  /** No wildcard stands for its name. */
  readonly isNamed?: boolean;
}

export interface Discovery {
  /** Whether a directory changed since the last walk, or there was none. */
  isStale(): boolean;
  /** Begins a walk: what is known of directories is forgotten. */
  begin(): void;
  /**
   * Paths of the globs that are no directory and no compressed file, but for those that can be unpacked where they are wanted. `fault`
   * hears of directories it cannot read.
   */
  find(
    globs: readonly string[],
    unpacks: boolean,
    found: (file: Found) => void,
    fault: (path: string, error: unknown) => void,
  ): void;
}

type Segment =
  | { readonly name: string }
  | { readonly fits: (path: string) => boolean }
  | { readonly deep: true };

interface Listing {
  readonly entries: readonly Entry[];
  /** 0 when the directory could not be read. */
  readonly mtime: number;
  /** It was read when its time had stood still since the walk before. */
  readonly isSettled: boolean;
}

/** Whether a name says that its content is compressed. */
export const isCompressed = (path: string): boolean => COMPRESSED.test(path);
/** The name a file had before it was compressed. */
export const uncompressed = (path: string): string => path.replace(COMPRESSED, '');

/** What compressed content begins with: gzip, zstd, xz. */
const SIGNATURES = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
];

/** Whether content begins as what is compressed, whatever its name. */
export const looksCompressed = (content: Uint8Array): boolean =>
  SIGNATURES.some(signature => signature.every((byte, i) => content[i] === byte));

const PACKED = /\.(?:gz|zst)$/;
export const isGzip = (path: string): boolean => path.endsWith('.gz');
/** Whether it can be unpacked. */
export const isPacked = (path: string): boolean => PACKED.test(path);
/** The name a file had before it was compressed so. */
export const unpacked = (path: string): string => path.replace(PACKED, '');

export function createDiscovery(root: string, patterns: Patterns): Discovery {
  let listings = new Map<string, Listing>();
  let before = listings;
  const compiled = new Map<string, readonly Segment[]>();

  function segmentsOf(glob: string): readonly Segment[] {
    let segments = compiled.get(glob);
    if (segments === undefined) {
      // A brace around a slash cannot be walked by segments: everything below is looked at.
      const braced = glob.search(/\{[^}]*\//);
      const cut = braced < 0 ? glob : `${glob.slice(0, glob.lastIndexOf('/', braced))}/**`;
      segments = cut
        .split('/')
        .filter(part => part !== '')
        .map(part =>
          part === '**'
            ? { deep: true }
            : GLOB.test(part)
              ? { fits: patterns.glob([`/${part}`]) }
              : { name: part },
        );
      compiled.set(glob, segments);
    }
    return segments;
  }

  function list(path: string, fault: (path: string, error: unknown) => void): readonly Entry[] {
    let listing = listings.get(path);
    if (listing === undefined) {
      const target = join(root, path);
      const mtime = mtimeOf(target);
      try {
        const entries = entriesIn(target);
        listing = { entries, mtime, isSettled: before.get(path)?.mtime === mtime };
      } catch (error) {
        const code = codeOf(error);
        if (code !== 'ENOENT' && code !== 'ENOTDIR') fault(path, error);
        listing = { entries: [], mtime, isSettled: true };
      }
      listings.set(path, listing);
    }
    return listing.entries;
  }

  return {
    isStale() {
      if (listings === before) return true;
      for (const [path, { mtime, isSettled }] of listings)
        if (!isSettled || mtimeOf(join(root, path)) !== mtime) return true;
      return false;
    },
    begin() {
      before = listings;
      listings = new Map();
    },
    find(globs, unpacks, found, fault) {
      const offer = (path: string, isLink: boolean, isNamed: boolean) => {
        if (isCompressed(path) && !(unpacks && isPacked(path))) return;
        const target = join(root, path);
        found({ path, target: isLink && root !== '/' ? follow(root, target) : target, isNamed });
      };
      const walk = (dir: string, segments: readonly Segment[], i: number, depth: number): void => {
        const segment = segments[i];
        if (segment === undefined) return;
        const last = i === segments.length - 1;
        if ('name' in segment) {
          const path = `${dir}/${segment.name}`;
          if (last) offer(path, true, true);
          else walk(path, segments, i + 1, depth);
          return;
        }
        const deep = 'deep' in segment;
        if (deep && !last) walk(dir, segments, i + 1, depth);
        for (const entry of list(dir === '' ? '/' : dir, fault)) {
          if (!deep && !segment.fits(`/${entry.name}`)) continue;
          const path = `${dir}/${entry.name}`;
          const isLink = entry.isSymbolicLink();
          if (last && !entry.isDirectory()) offer(path, isLink, false);
          if (deep && entry.isDirectory() && depth < MAX_DEPTH) walk(path, segments, i, depth + 1);
          if (!deep && !last && (entry.isDirectory() || isLink)) walk(path, segments, i + 1, depth);
        }
      };
      for (const glob of globs) walk('', segmentsOf(glob), 0, 0);
    },
  };
}

/** 0 when there is nothing, or no way to it. */
function mtimeOf(path: string): number {
  try {
    return statSync(rawPath(path), { throwIfNoEntry: false })?.ctimeMs ?? 0;
  } catch {
    return 0;
  }
}

/** What an absolute link means inside the root, not outside of it. */
export function follow(root: string, path: string): string {
  let target = path;
  for (let i = 0; i < MAX_LINKS; i++) {
    let link: string;
    try {
      link = nameOf(readlinkSync(rawPath(target), 'buffer'));
    } catch {
      return target;
    }
    target = link.startsWith('/') ? join(root, link) : resolve(dirname(target), link);
  }
  return target;
}
