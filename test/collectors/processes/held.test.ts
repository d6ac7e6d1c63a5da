// Which files of processes stay open where there is no room for all of them.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createHeld } from '../../../collectors/processes/held.ts';

/** Looks at the files of these processes in turn, each twice; which of them are open then. */
function look(
  limit: number,
  pids: readonly number[],
  names: readonly string[],
  others: readonly number[] = [],
) {
  const held = createHeld(limit);
  held.hold(new Set(pids), new Set([...pids, ...others]));
  for (const pid of [...pids, ...others])
    for (const name of [...names, ...names]) {
      const fd = openSync('/dev/null', 'r');
      if (!held.keep(pid, name, fd)) closeSync(fd);
    }
  const open = (pid: number) => names.filter(name => held.get(pid, name) >= 0).join(' ');
  return { held, open };
}

it('all of them while there is room, from the second time on', () => {
  const { open, held } = look(100, [1, 2], ['stat', 'io', 'fd', 'statm', 'status', 'limits']);
  expect([open(1), open(2)]).toEqual(['stat io fd statm status', 'stat io fd statm status']);
  const fd = held.get(1, 'stat');
  held.close();
  expect(held.get(1, 'stat')).toBe(-1);
  expect(() => fstatSync(fd)).toThrow();
});

it('what each look reads before all else', () => {
  const { open, held } = look(6, [1, 2, 3, 4], ['stat', 'io', 'fd', 'statm']);
  expect([1, 2, 3, 4].map(open)).toEqual(['stat io statm', 'statm', 'statm', 'statm']);
  held.close();
});

it('those of nobody only while half of the room is free', () => {
  const { open, held } = look(4, [1], ['statm'], [2, 3, 4]);
  expect([1, 2, 3, 4].map(open)).toEqual(['statm', 'statm', 'statm', '']);
  held.close();
});
