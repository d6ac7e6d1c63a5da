// What of a log was compressed before it was read, where compressed files are not read: told once, by what is in them, so
// that those which were read before stay unmentioned.

import { closeSync, openSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { attempt } from '../../agent/core/errors.ts';
import type { Copies } from './copies.ts';
import { isGzip, isPacked } from './discover.ts';
import type { LogFile } from './file.ts';
import { hashOf } from './hash.ts';
import { type Fingerprint, HEAD_BYTES, readRange } from './identity.ts';
import { rawPath } from './names.ts';
import type { Beside, Sibling } from './rotation.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Troubles } from './troubles.ts';

/** Compressed bytes that have more than a head in them. */
const PIECE_BYTES = 4096;

/** What is in a compressed file: how it begins, and its bytes, modulo 2^32. */
interface Content {
  readonly head: Uint8Array;
  readonly size: number;
}

export interface Unseen {
  /**
   * Tells of what was written to a log later than `since`, and is compressed; `read` are those that are not followed any
   * more. Returns until when that was. Times in ms. Throws the system's errors.
   */
  tell(source: Source, path: string, since: number, read: Iterable<Fingerprint>): number;
}

export function createUnseen(beside: Beside, shelf: Shelf, copies: Copies, troubles: Troubles): Unseen {
  return {
    tell(source, path, since, read) {
      const files = shelf.filesOf(source, path);
      const followed = [...(files ?? [])].filter(({ isPacked }) => !isPacked);
      const ghosts = copies.ghosts(source).filter(ghost => ghost.path === path);
      const prints = [...read, ...(files?.over ?? []), ...ghosts.map(({ print }) => print)];
      // Of content that cannot be compared, as much may be what is held open as was deleted.
      let held = followed.filter(({ fd, links }) => fd >= 0 && links === 0).length;
      let until = since;
      for (const at of beside.compressed(path, since)) {
        until = Math.max(until, at.mtime);
        if (source.unpacks && isPacked(at.path)) continue;
        const content = contentOf(at);
        const isFollowed = content ? followed.some(file => holds(file, content)) : held-- > 0;
        if (isFollowed) continue;
        const print = content && prints.filter(each => isOf(content, each)).sort(byOffset)[0];
        const bytes = content ? content.size - (print?.offset ?? 0) : 1;
        for (const ghost of ghosts) if (!content || ghost.print === print) ghost.unread = 0;
        if (bytes > 0) troubles.lose(at.path, bytes, 'it was compressed before', 'compressed');
      }
      return until;
    },
  };
}

const byOffset = (a: Fingerprint, b: Fingerprint): number => b.offset - a.offset;

/** Whether a followed file has this content, and what is not read of it is read or told yet. */
function holds(file: LogFile, content: Content): boolean {
  if (file.fd >= 0) {
    const head = readRange(file.fd, 0, Math.min(HEAD_BYTES, content.head.length));
    return head.length > 0 && isOf(content, { headLength: head.length, head: hashOf(head) });
  }
  if (file.headLength === 0 || !isOf(content, file)) return false;
  if (file.links === 0) file.size = Math.max(file.size, content.size);
  return content.size <= file.size;
}

/** Whether content begins as that of a fingerprint. */
const isOf = ({ head }: Content, print: Pick<Fingerprint, 'headLength' | 'head'>): boolean =>
  print.headLength > 0 && head.length >= print.headLength && hashOf(head, 0, print.headLength) === print.head;

/** Undefined where only unpacking all of it would tell. The size is at the end (RFC 1952, ISIZE). */
function contentOf({ path, target, size }: Sibling): Content | undefined {
  if (!isGzip(path)) return undefined;
  return attempt(() => {
    const fd = openSync(rawPath(target), 'r');
    try {
      const end = readRange(fd, Math.max(0, size - 4), size);
      const head = gunzipSync(readRange(fd, 0, PIECE_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
      return { head, size: new DataView(end.buffer, end.byteOffset).getUint32(0, true) };
    } finally {
      closeSync(fd);
    }
  });
}
