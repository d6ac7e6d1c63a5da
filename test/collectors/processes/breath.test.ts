// A long look lets others have their turn, and ends when the agent does.
import { expect, it } from 'vitest';
import { createBreath } from '../../../collectors/processes/breath.ts';

/** A look at `count` things of 2 ms each; what was done, in order, with `-` where others had a turn. */
async function look(count: number, signal = new AbortController().signal, each = (_: number) => {}) {
  let ms = 0;
  const done: (number | '-')[] = [];
  let looking = true;
  const others = () => {
    if (!looking) return;
    done.push('-');
    setImmediate(others);
  };
  setImmediate(others);
  const breath = createBreath(() => ms, signal);
  try {
    for (const part of [2, count - 2])
      await breath.each(
        Array.from({ length: part }, (_, i) => i),
        i => {
          done.push(i);
          ms += 2;
          each(done.length);
        },
      );
  } finally {
    looking = false;
  }
  return done;
}

it('others have a turn every 5 ms, whatever is looked at then', async () =>
  expect(await look(8)).toEqual([0, 1, 0, '-', 1, 2, 3, '-', 4, 5]));

it('one that is stopped does nothing more', async () => {
  const stop = new AbortController();
  let done = 0;
  const stopped = look(100, stop.signal, count => {
    done = count;
    if (count > 10) stop.abort();
  });
  await expect(stopped).rejects.toThrow();
  expect(done).toBeLessThan(16);
});
