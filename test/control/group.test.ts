import { expect, test } from 'vitest';
import { type Actor, createGroup } from '../../agent/control/group.ts';
import { quiet } from '../quiet.ts';

function actors(seen: string[], ...names: string[]): Actor[] {
  return names.map(name => ({
    name,
    async start() {
      if (name === 'bad') throw new Error('cannot start');
      seen.push(`+${name}`);
    },
    async stop() {
      if (name === 'stuck') await new Promise(() => {});
      if (name === 'failing') throw new Error('cannot stop');
      seen.push(`-${name}`);
    },
  }));
}

test('starts in order, stops in reverse', async () => {
  const seen: string[] = [];
  const group = createGroup(quiet);
  await group.start(actors(seen, 'a', 'b', 'c'));
  expect(await group.stop(1000)).toBe(true);
  expect(seen).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
});

test('when one cannot start, those before it are stopped and the error is told', async () => {
  const seen: string[] = [];
  await expect(createGroup(quiet).start(actors(seen, 'a', 'b', 'bad', 'c'))).rejects.toThrow('cannot start');
  expect(seen).toEqual(['+a', '+b', '-b', '-a']);
});

test('each is told what is left until the deadline', async () => {
  const left: number[] = [];
  const group = createGroup(quiet);
  const actor: Actor = { name: 'a', start: async () => {}, stop: async leftMs => void left.push(leftMs) };
  await group.start([actor, ...actors([], 'stuck')]);
  await group.stop(20);
  expect(left[0]).toBeLessThan(20);
  await group.start([actor]);
  await group.stop(5000);
  expect(left[1]).toBeGreaterThan(4000);
});

test('one that is stuck or fails does not keep the others from stopping', async () => {
  const seen: string[] = [];
  const group = createGroup(quiet);
  await group.start(actors(seen, 'a', 'stuck', 'failing', 'b'));
  expect(await group.stop(20)).toBe(false);
  expect(seen).toEqual(['+a', '+stuck', '+failing', '+b', '-b', '-a']);
});

test('tells whom it is waiting for', async () => {
  const group = createGroup(quiet);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow: Actor = { name: 'slow', start: () => promise, stop: async () => {} };
  const started = group.start([...actors([], 'a'), slow]);
  await new Promise(setImmediate);
  expect(group.starting).toBe('slow');
  resolve();
  await started;
  expect(group.starting).toBeUndefined();
});
