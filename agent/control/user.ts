// Becoming another user for good, once everything that needs root is open. libc does it for all threads at once.

import { execFileSync } from 'node:child_process';
import { lchownSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Looks in passwd(5), then asks `id`, which knows other sources too. Throws SetupError. */
export function findAccount(name: string): Account {
  const line = readPasswd().find(([login, , uid]) => login === name || uid === name);
  if (line) return { name: line[0]!, uid: Number(line[2]), gid: Number(line[3]) };
  try {
    const ask = (flag: string) =>
      Number(
        execFileSync('id', [flag, '--', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      );
    return { name, uid: ask('-u'), gid: ask('-g') };
  } catch (error) {
    throw new SetupError(
      `cannot become agent.user "${name}": there is no such user; make it with 'useradd --system --no-create-home ${name}'`,
      { cause: error },
    );
  }
}

function readPasswd(): string[][] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map(line => line.split(':'));
  } catch {
    return [];
  }
}

/** Gives everything below the directories to the account, then becomes it, with its groups and nothing else. Throws SetupError. */
export function becomeUser({ name, uid, gid }: Account, directories: readonly string[]): void {
  try {
    for (const directory of directories) give(directory, uid, gid);
    // Not in the types of Node 26, but there.
    (process as unknown as { initgroups(user: string, group: number): void }).initgroups(name, gid);
    process.setgid!(gid);
    process.setuid!(uid);
  } catch (error) {
    throw new SetupError(`cannot become agent.user "${name}": ${causeOf(error)}`, { cause: error });
  }
  if (process.getuid!() !== uid || process.geteuid!() !== uid)
    throw new SetupError(
      `cannot become agent.user "${name}": the process is still user ${process.getuid!()}`,
    );
}

/** Follows no link. A file with several names may be somebody else's under another, so it stays whose it is. */
function give(path: string, uid: number, gid: number): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory() && stat.nlink > 1) return;
  if (stat.uid !== uid || stat.gid !== gid) {
    try {
      lchownSync(path, uid, gid);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  if (stat.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), uid, gid);
}
