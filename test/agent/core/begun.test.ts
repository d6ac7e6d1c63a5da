import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BEGUN_BYTES, createBegun } from '../../../agent/core/begun.ts';

const memory = () => new SharedArrayBuffer(BEGUN_BYTES);
const program = (exe: string, ppid = 1, terminal = 0) => ({ exe, ppid, terminal });

describe('a program that began', () => {
  it('is known to whoever shares the memory', () => {
    const shared = memory();
    createBegun(shared).note(4711, 1000, program('/usr/bin/lögger', 4000, 34816));
    expect(createBegun(shared).of(4711, 1001)).toEqual(program('/usr/bin/lögger', 4000, 34816));
    expect(createBegun(shared).of(4712, 1001)).toBeUndefined();
    expect(createBegun(memory()).of(4711, 0)).toBeUndefined();
  });

  it('gives way to a later one of the same number, and of the same place', () => {
    const begun = createBegun(memory());
    begun.note(7, 1000, program('/bin/a'));
    begun.note(7, 2000, program('/bin/b'));
    expect(begun.of(7, 2000)?.exe).toBe('/bin/b');
    begun.note(7 + 1024, 3000, program('/bin/c'));
    expect(begun.of(7, 3000)).toBeUndefined();
    expect(begun.of(7 + 1024, 3000)?.exe).toBe('/bin/c');
  });

  it('is not believed to have sent what came long before or after', () => {
    const begun = createBegun(memory());
    begun.note(7, 100_000, program('/bin/a'));
    expect([98_999, 99_500, 159_999, 160_000].map(at => begun.of(7, at)?.exe)).toEqual([
      undefined,
      '/bin/a',
      '/bin/a',
      undefined,
    ]);
  });

  it('is left out with a path beyond its place', () => {
    const begun = createBegun(memory());
    begun.note(7, 1000, program(`/${'x'.repeat(227)}`));
    expect(begun.of(7, 1000)?.exe).toHaveLength(228);
    begun.note(8, 1000, program(`/${'x'.repeat(228)}`));
    expect(begun.of(8, 1000)).toBeUndefined();
  });
});

it('is never read half written', async () => {
  const shared = memory();
  const begun = createBegun(shared);
  const [a, b] = ['/a'.repeat(100), '/bb'.repeat(10)];
  const worker = new Worker(
    `import { parentPort, workerData } from 'node:worker_threads';
     const { createBegun } = await import(workerData.module);
     const begun = createBegun(workerData.shared);
     for (let i = 0; i < 200_000; i++) begun.note(7, 1000, { exe: i % 2 ? workerData.a : workerData.b, ppid: 1, terminal: 0 });
     parentPort.postMessage('done');`,
    {
      eval: true,
      workerData: { module: new URL('../../../agent/core/begun.ts', import.meta.url).href, shared, a, b },
    },
  );
  let done = false;
  const ended = new Promise<void>((resolve, reject) => {
    worker.on('error', reject).on('exit', () => resolve());
    worker.on('message', () => {
      done = true;
    });
  });
  const seen = new Set<string | undefined>();
  while (!done) {
    for (let i = 0; i < 1000; i++) seen.add(begun.of(7, 1000)?.exe);
    await new Promise(setImmediate);
  }
  await ended;
  seen.delete(undefined);
  expect([...seen].sort()).toEqual([a, b].sort());
});
