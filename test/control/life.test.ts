// Whether a process is still there, and the one that was meant.
import { expect, it, onTestFinished } from 'vitest';
import { lives } from '../../agent/control/life.ts';
import { createHost, type FakeProcess } from '../procfs.ts';

it.each<[string, FakeProcess, start: string, boolean]>([
  ['one that runs', { pid: 7, start: 1 }, '100', true],
  ['one of which no start is known', { pid: 7 }, '', true],
  ['another of that number', { pid: 7, start: 2 }, '100', false],
  ['a zombie', { pid: 7, state: 'Z' }, '', false],
  ['one whose other threads go on without the first', { pid: 7, state: 'Z', threads: 2 }, '', true],
  ['nobody', { pid: 8 }, '0', false],
])('%s', (_, process, start, there) => {
  const host = createHost();
  onTestFinished(host.close);
  host.run(process);
  expect(lives(7, start, `${host.root}/proc`)).toBe(there);
});
