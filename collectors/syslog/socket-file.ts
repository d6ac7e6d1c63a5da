// The file of a Unix socket: clears away a dead one, gives it its mode and owner, and removes it when it is still ours.

import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { attempt, codeOf } from '../../agent/core/errors.ts';

const inodeOf = (path: string): number | undefined => attempt(() => lstatSync(path).ino);

/** Removes a socket nobody listens on. Throws when somebody does, or when the path is something else. */
export async function clearPath(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw new Error('there is a file that is no socket');
  const refused = await new Promise<boolean>(resolve => {
    const probe = connect(path);
    // A living datagram socket answers EPROTOTYPE, only a dead one of either kind refuses.
    probe.once('error', error => resolve(codeOf(error) === 'ECONNREFUSED'));
    probe.once('connect', () => probe.destroy() && resolve(false));
  });
  if (!refused) throw new Error('another program listens on it; stop it or choose another path');
  unlinkSync(path);
}

/** The number of a user or group from its name in passwd(5) or group(5), or from its digits. */
function idOf(file: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find(each => each.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`no "${name}" in ${file}`);
  return Number(line.split(':')[2]);
}

/** User and group numbers, -1 where none is asked for. Throws when there is no such name. */
export const ownerOf = (owner?: string, group?: string): [uid: number, gid: number] => [
  owner === undefined ? -1 : idOf('/etc/passwd', owner),
  group === undefined ? -1 : idOf('/etc/group', group),
];

export interface SocketFile {
  readonly path: string;
  /** Sets mode and owner. Throws. */
  give(mode: number, owner: readonly [uid: number, gid: number]): void;
  /** Whether the path still leads to what is ours. */
  intact(): boolean;
  /** Removes the file when it is ours. */
  remove(): void;
}

/** The file of a socket just bound, or of a pipe just opened. */
export function socketFile(path: string): SocketFile {
  const inode = inodeOf(path);
  const intact = () => inode !== undefined && inodeOf(path) === inode;
  return {
    path,
    give(mode, [uid, gid]) {
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    },
    intact,
    remove() {
      if (intact()) unlinkSync(path);
    },
  };
}
