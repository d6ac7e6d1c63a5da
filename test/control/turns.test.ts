import { expect, it } from 'vitest';
import { createTurns } from '../../agent/control/turns.ts';

it('take one change at a time, and go on behind one that fails', async () => {
  const turns = createTurns();
  const said: string[] = [];
  const first = Promise.withResolvers<void>();
  const changes = [
    turns.take(async () => {
      said.push('first begins');
      await first.promise;
      said.push('first ends');
      throw new Error('bad');
    }),
    turns.take(async () => void said.push('second')),
  ];
  await expect.poll(() => said).toEqual(['first begins']);
  first.resolve();
  await expect(changes[0]).rejects.toThrow('bad');
  await changes[1];
  expect(said).toEqual(['first begins', 'first ends', 'second']);
});

it('end with the change under way, and begin none', async () => {
  const turns = createTurns();
  const said: string[] = [];
  const first = Promise.withResolvers<void>();
  const change = turns.take(async () => {
    said.push('begins');
    await first.promise;
    said.push('ends');
  });
  await expect.poll(() => said).toEqual(['begins']);
  const second = turns.take(async () => void said.push('second'));
  second.catch(() => {});
  const stopped = turns.stop(1000).then(() => said.push('stopped'));
  first.resolve();
  await change;
  await expect(second).rejects.toThrow('the agent is stopping');
  await stopped;
  await expect(turns.take(async () => {})).rejects.toThrow('the agent is stopping');
  expect(said).toEqual(['begins', 'ends', 'stopped']);
});
