// A long look lets others have their turn, and ends when the agent does.
import { expect, it } from 'vitest';
import { createBreath } from '../../../collectors/processes/breath.ts';

/** A look at `count` things of `eachMs`; what was done, in order, with `-` where others had a turn. */
async function look(
  count: number,
  eachMs: number,
  signal = new AbortController().signal,
  each = (_: number) => {},
) {
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
    for (const part of [8, count - 8])
      await breath.each(
        Array.from({ length: part }, (_, i) => i),
        i => {
          done.push(i);
          ms += eachMs;
          each(done.length);
        },
      );
  } finally {
    looking = false;
  }
  return done;
}

/** How many were looked at between two turns of others. */
const slices = async (count: number, eachMs: number) =>
  (await look(count, eachMs))
    .join()
    .split('-')
    .map(slice => slice.split(',').filter(Boolean).length);

it('others have a turn every 5 ms, whatever is looked at then', async () => {
  expect(await slices(40, 0.4)).toEqual([16, 16, 8]);
  expect(await slices(40, 0.1)).toEqual([40]);
});

it('of what takes longer, others have a turn after eight', async () =>
  expect(await slices(24, 50)).toEqual([8, 8, 8]));

it('one that is stopped does nothing more', async () => {
  const stop = new AbortController();
  let done = 0;
  const stopped = look(100, 2, stop.signal, count => {
    done = count;
    if (count > 10) stop.abort();
  });
  await expect(stopped).rejects.toThrow();
  expect(done).toBeLessThan(20);
});
