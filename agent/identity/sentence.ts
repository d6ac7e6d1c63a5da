// A death in one sentence, for the event, for people and for the console. Pure.

import type { Certificate } from '../core/certificate.ts';
import type { Exit } from '../core/daemon.ts';
import { isClean } from './liveness.ts';

/** From this share on fds are worth a word. */
const FULL = 0.8;
const MOST_NAMES = 3;

/** `nginx[4711] was killed by SIGSEGV after 3 h 12 min (core dumped); 93 % of its fds in use; restarted 2 s later`. */
export function sentence(certificate: Certificate): string {
  const { daemon, pid, at, startedAt, exit, fds, checks, alsoDied, restart, repeats } = certificate;
  const failing = checks.filter(({ healthy }) => !healthy).map(({ name }) => name);
  // Of several instances the first speaks for all.
  const died = alsoDied.filter((each, i) => alsoDied.findIndex(({ daemon }) => daemon === each.daemon) === i);
  const others = died
    .slice(0, MOST_NAMES)
    .map(other => `${other.daemon} ${how(other.exit)} ${distance(other.at - at)}`);
  const parts = [
    `${daemon}[${pid}] ${how(exit)}${startedAt === undefined ? '' : ` after ${lived(certificate, startedAt)}`}${exit.coreDumped ? ' (core dumped)' : ''}`,
    ...(fds?.usage !== undefined && fds.usage >= FULL
      ? [`${Math.round(fds.usage * 100)} % of its fds in use`]
      : []),
    ...(failing.length > 0
      ? [`${failing.length > 1 ? 'checks' : 'check'} ${failing.join(', ')} failing`]
      : []),
    ...others,
    ...(died.length > MOST_NAMES ? [`${died.length - MOST_NAMES} more died`] : []),
    ...(restart ? [`restarted ${later(restart.at - at)}`] : []),
    ...(repeats ? [again(repeats, exit)] : []),
  ];
  return parts.join('; ');
}

/** `3 h 12 min`, or when it ended while nobody looked `3 h to 3 h 12 min`. */
export function lived(
  { at, exit: { lastSeenAt } }: Pick<Certificate, 'at' | 'exit'>,
  startedAt: number,
): string {
  const longest = duration(at - startedAt);
  if (lastSeenAt === undefined) return longest;
  const shortest = duration(lastSeenAt - startedAt);
  return shortest === longest ? longest : `${shortest} to ${longest}`;
}

/** How the last ended is worth a word where it is not how the first did. */
function again({ count, lastExit }: NonNullable<Certificate['repeats']>, first: Exit): string {
  // Nobody knows within what time.
  if (first.lastSeenAt !== undefined && lastExit.lastSeenAt !== undefined)
    return `and so did ${count} more of it`;
  const times = count === 1 ? 'once' : `${count} times`;
  const last = how(lastExit);
  return `died ${times} more within 10 s${last === how(first) ? '' : `, and at last ${last}`}`;
}

export function how(exit: Exit): string {
  const { reason, code, signal } = exit;
  const name = signal ?? (code === undefined ? 'a signal' : `signal ${code}`);
  switch (reason) {
    case 'exit':
      return code === undefined ? 'exited' : `exited with status ${code}`;
    case 'signal':
      return isClean(exit) ? `was ended by ${name}` : `was killed by ${name}`;
    case 'oom':
      return 'was killed because memory ran out';
    case 'unknown':
      return exit.lastSeenAt === undefined ? 'ended unseen' : 'ended while no agent ran';
  }
}

const later = (ms: number): string => (ms < 1000 ? 'at once' : `${duration(ms)} later`);

const distance = (ms: number): string =>
  Math.abs(ms) < 1000 ? 'at the same time' : `${duration(Math.abs(ms))} ${ms < 0 ? 'before' : 'later'}`;

/** Two units at most: `3 h 12 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return 'less than a second';
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  return units
    .slice(first, first + 2)
    .map(([size, unit], i) => [
      Math.floor(i === 0 ? seconds / size : (seconds % units[first]![0]) / size),
      unit,
    ])
    .filter(([n]) => n !== 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}
