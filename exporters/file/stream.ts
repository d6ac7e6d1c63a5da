// Standard output or a named pipe, whose reader may be slow or absent. The agent never blocks on it: what does not fit
// is written when there is room again. To a pipe lines go in pieces that the kernel takes whole or not at all, so that
// a reader sees no half line, whenever the agent ends.

import fs from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { codeOf } from '../../agent/core/errors.ts';
import type { Lines, Output } from './index.ts';
import { STDOUT } from './options.ts';

const { O_APPEND, O_NONBLOCK, O_WRONLY } = fs.constants;
/** PIPE_BUF of pipe(7): a write up to this is atomic. */
const ATOMIC = 4096;
const NEWLINE = 10;
const POLL_MS = 5;
/** A reader that takes nothing for so long is told as a fault; nothing is given up. */
const STALLED_MS = 10_000;

const write = promisify(fs.write) as (
  fd: number,
  bytes: Buffer,
  offset: number,
  length: number,
) => Promise<{ bytesWritten: number }>;

/** Whether a path is anything but a regular file; one that is not there yet will be a regular file. */
export async function isStream(path: string): Promise<boolean> {
  if (path === STDOUT) return true;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile();
}

export function createStream(path: string): Output {
  let file: FileHandle | undefined;

  /** A description of our own, so that not waiting is not forced upon those who share it. */
  const descriptor = async (): Promise<number> => {
    if (file) return file.fd;
    try {
      file = await open(path === STDOUT ? '/proc/self/fd/1' : path, O_WRONLY | O_APPEND | O_NONBLOCK);
      return file.fd;
    } catch (error) {
      // A socket, such as the journal's, has no path to open it by.
      if (path === STDOUT) return 1;
      throw error;
    }
  };

  return {
    async write(lines: Lines, signal) {
      const { bytes } = lines;
      let moved = performance.now();
      while (lines.written < bytes.length) {
        signal.throwIfAborted();
        const length = pieceLength(bytes, lines.written);
        try {
          const fd = await descriptor();
          lines.written += (await write(fd, bytes, lines.written, length)).bytesWritten;
          moved = performance.now();
        } catch (error) {
          if (codeOf(error) !== 'EAGAIN') {
            await this.reopen();
            throw error;
          }
          if (performance.now() - moved > STALLED_MS)
            throw Object.assign(new Error(`its reader has taken nothing for ${STALLED_MS / 1000} s`), {
              code: 'EAGAIN',
            });
          await pause(POLL_MS);
        }
      }
    },
    async reopen() {
      const open = file;
      file = undefined;
      await open?.close();
    },
  };
}

/** As many whole lines as one atomic write takes; a line that is longer alone goes as it is. */
function pieceLength(bytes: Buffer, from: number): number {
  const left = bytes.length - from;
  if (left <= ATOMIC) return left;
  const newline = bytes.subarray(from, from + ATOMIC).lastIndexOf(NEWLINE);
  return newline >= 0 ? newline + 1 : bytes.indexOf(NEWLINE, from + ATOMIC) + 1 - from;
}
