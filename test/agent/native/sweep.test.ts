// A heap after the sweep, in a process that was given the means, and in one that was not.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const module = resolve(import.meta.dirname, '../../../agent/native/sweep.ts');
const program = `
  import { sweepHeap } from '${module}';
  import { getHeapStatistics } from 'node:v8';
  const size = () => getHeapStatistics().total_physical_size;
  let text = JSON.stringify(Array.from({ length: 200_000 }, (_, i) => ({ i })));
  globalThis.kept = JSON.parse(text).length;
  text = undefined;
  const before = size();
  sweepHeap();
  console.log(before - size());
`;

/** Bytes given back. */
const sweep = (...flags: string[]): number =>
  Number(
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );

it('gives back what is no longer used', () => {
  expect(sweep('--expose-gc')).toBeGreaterThan(5 * 2 ** 20);
});

it('does nothing where the runtime has no collector to ask', () => {
  expect(sweep()).toBeLessThan(2 ** 20);
});

const native = resolve(import.meta.dirname, '../../../agent/native/index.ts');
const busy = `
  import { loadNative } from '${native}';
  import { sweepMalloc, sweepProgram } from '${module}';
  import { readFileSync } from 'node:fs';
  import { createHash } from 'node:crypto';
  import { gzipSync, gunzipSync } from 'node:zlib';
  const resident = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
  const text = 'x'.repeat(1e6);
  const work = () => createHash('sha256').update(gunzipSync(gzipSync(text))).digest('hex');
  const { libc } = loadNative();
  const first = work();
  const before = resident();
  sweepProgram(libc);
  sweepMalloc(libc);
  const after = resident();
  sweepProgram(undefined);
  console.log(JSON.stringify({ before, after, same: work() === first }));
`;

it('lets go of most of the program, which goes on', () => {
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', busy], { encoding: 'utf8' });
  const { before, after, same } = JSON.parse(out);
  expect(after).toBeLessThan(before / 2);
  expect(same).toBe(true);
});
