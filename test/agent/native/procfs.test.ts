// The CPU time of processes as kernels tell it.
import { expect, it } from 'vitest';
import type { Native } from '../../../agent/native/index.ts';
import type { Libc } from '../../../agent/native/libc.ts';
import { createProcfs } from '../../../agent/native/procfs.ts';

/** Of a kernel by what it tells in ns; undefined without such a process. */
const cpuTimesOf = (told: (pid: number) => number | undefined) => {
  const [start, size] = [4096, 64];
  let memory = new ArrayBuffer();
  const clock_gettime: Libc['clock_gettime'] = (clock, address) => {
    const ns = told(~(clock >> 3));
    if (ns === undefined) return -1;
    new BigInt64Array(memory, address - start).set([BigInt(Math.floor(ns / 1e9)), BigInt(ns % 1e9)]);
    return 0;
  };
  const mmap: Libc['mmap'] = (_, bytes) => {
    memory = new ArrayBuffer(bytes);
    return start;
  };
  const libc: Partial<Libc> = { clock_gettime, mmap, view: () => memory };
  return createProcfs({ libc } as Native, size).cpuTime;
};

it('is of the process that is asked for, and of one that is gone none', () => {
  const cpuTime = cpuTimesOf(pid => (pid === 7 ? undefined : pid * 1_000_000_001));
  expect([cpuTime(4_194_303), cpuTime(7)]).toEqual([4_194_303 * 1_000_000_001, Number.NaN]);
});

it('is not told in ticks: a process that runs for less would seem to stand', () => {
  const cpuTime = cpuTimesOf(() => 10_000_000);
  expect(cpuTime(8)).toBeNaN();
});
