// What kernels tell of processes: their CPU time, and lists that come in pieces.
import { closeSync, openSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { loadNative, type Native } from '../../../agent/native/index.ts';
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

const native = loadNative();
if (native)
  it('a list that signals cut short is whole in the end', () => {
    const { libc } = native;
    const pieces: number[] = [];
    const getdents: Libc['getdents'] = (call, fd, into, size) => {
      const length = libc.getdents(call, fd, into, Math.min(size, 200));
      pieces.push(length);
      return length;
    };
    const { numbers } = createProcfs({ ...native, libc: { ...libc, getdents } }, 65_536);
    const fds = Array.from({ length: 20 }, () => openSync('/proc/self/fd', 'r'));
    onTestFinished(() => {
      for (const fd of fds) closeSync(fd);
    });
    const found = numbers(fds[0]!);
    expect(pieces.length).toBeGreaterThan(3);
    expect(found).toEqual(expect.arrayContaining(fds));
    expect(new Set(found).size).toBe(found.length);
  });
