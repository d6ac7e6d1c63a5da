// Files that are replaced whole: whoever reads one, also after a power cut, finds the old content or the new one.

import { closeSync, fsync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from '../core/errors.ts';

const sync = promisify(fsync);

const draftOf = (path: string): string => `${path}.tmp`;

function openDraft(path: string, text: string, mode: number): number {
  const fd = openSync(draftOf(path), 'w', mode);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Its content; undefined when there is none. Throws the system's other errors. */
export function readReplaced(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The new content outlives power loss when it returns. Throws the system's errors, and the old one stands. */
export function replaceFile(path: string, text: string, mode = 0o600): void {
  const fd = openDraft(path, text, mode);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draftOf(path), path);
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** What was about to become its content when its process was killed, maybe cut short; undefined when there is none. */
export const readDraft = (path: string): string | undefined => readReplaced(draftOf(path));

/** The new content outlives the process at once (as a draft), and power loss when it resolves. Not twice at a time. */
export async function replaceFileAside(path: string, text: string): Promise<void> {
  await replaceFileLater(path, text, true, () => true);
  const directory = openSync(dirname(path), 'r');
  try {
    await sync(directory);
  } finally {
    closeSync(directory);
  }
}

/**
 * For files whose old content will do as well: their thread does not wait for the disk, `durable` or not, and the
 * directory follows when it may. `stillWanted` is asked before the old one goes.
 */
export async function replaceFileLater(
  path: string,
  text: string,
  durable: boolean,
  stillWanted: () => boolean,
): Promise<void> {
  const fd = openDraft(path, text, 0o600);
  try {
    if (durable) await sync(fd);
  } finally {
    closeSync(fd);
  }
  if (stillWanted()) renameSync(draftOf(path), path);
}
