// Basic authentication against bcrypt hashes. A verdict is remembered, for a hash takes as long as it is meant to.

import { createHash } from 'node:crypto';
import { compare } from 'bcryptjs';

/** Whether an `Authorization` header names a user with the right password. */
export type Gate = (users: ReadonlyMap<string, string>, header: string | undefined) => Promise<boolean>;

const REMEMBERED = 100;
/** Questions that may wait for their verdict; more are refused, so that nobody can pile them up. */
const WAITING = 50;
/** Of no password: a name that does not exist takes as long as one that does. */
const NOBODY = '$2a$10$CwTycUXWue0Thq9StjUM0uJ8cNHr0ioMYq/aZYXnGXlaEWf9Cz7lq';

export function createGate(): Gate {
  const verdicts = new Map<string, Promise<boolean>>();
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const judge = (password: string, hash: string): Promise<boolean> => {
    waiting++;
    const verdict = turn.then(() => compare(password, hash));
    turn = verdict.catch(() => {}).finally(() => waiting--);
    return verdict;
  };

  return async (users, header) => {
    const [, encoded] = /^Basic +([A-Za-z\d+/=]+)$/i.exec(header ?? '') ?? [];
    if (encoded === undefined) return false;
    const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    if (user === undefined || password === undefined) return false;
    const known = users.get(user);
    const hash = known ?? NOBODY;
    // The hash is part of the question, so that another password makes the old one worthless at once.
    const question = createHash('sha256')
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
    let verdict = verdicts.get(question);
    if (!verdict) {
      if (waiting >= WAITING) return false;
      verdict = judge(password, hash);
      if (verdicts.size >= REMEMBERED) verdicts.delete(verdicts.keys().next().value as string);
      verdicts.set(question, verdict);
    }
    return (await verdict) && known !== undefined;
  };
}
