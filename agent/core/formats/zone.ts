// How far local time is from UTC, for times that do not say it. Pure. A time that a zone skips or has twice is told by the
// offset before the change.

/** Seconds east of UTC in the zone of the process; `local` is a local time in seconds, as if it were UTC. */
export function hostOffset(local: number): number {
  const utc = new Date(local * 1000);
  const here = new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
  );
  return local - here.getTime() / 1000;
}

/** The same for a zone by its IANA name. Throws RangeError for a name that is none. */
export function zoneOffset(zone: string): (local: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  /** At an instant in seconds. */
  const at = (instant: number): number => {
    const parts = Object.fromEntries(
      format.formatToParts(instant * 1000).map(({ type, value }) => [type, Number(value)]),
    ) as Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>;
    const { year, month, day, hour, minute, second } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - instant;
  };
  return local => {
    const before = at(local - DAY);
    const after = at(local + DAY);
    return before === after || at(local - before) === before || at(local - after) !== after ? before : after;
  };
}

const DAY = 86_400;
