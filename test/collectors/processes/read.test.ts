// Files of processes that stay open say what they say by their paths.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createReader, GONE } from '../../../collectors/processes/read.ts';

let pid = 0;
let end = async () => {};
beforeEach(async () => {
  const child = spawn('cat');
  // It has opened what it needs when it answers.
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  pid = child.pid!;
  end = async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  };
  onTestFinished(end);
});

/** That keeps the files of the child open. */
function reader() {
  const reader = createReader('/');
  onTestFinished(() => reader.close());
  reader.hold(new Set([pid]), new Set([pid]));
  return reader;
}

it.each([[1], [2], [3]])('descriptors and their targets, read %i times', times => {
  const { fdsOf, targetOf, openFds, file } = reader();
  expect(file(pid, 'stat')).toBeGreaterThan(0);
  const fds = readdirSync(`/proc/${pid}/fd`);
  for (let i = 0; i < times; i++) {
    const names: string[] = [];
    expect(openFds(pid)).toBe(fds.length);
    expect(fdsOf(pid, names)).toBe(fds.length);
    expect(names.toSorted()).toEqual(fds.toSorted());
  }
  for (const fd of fds) expect(targetOf(pid, fd)).toBe(readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(() => targetOf(pid, '99')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

it('the list of processes has each once, and nothing else', () => {
  const { pids } = reader();
  const before = new Set(readdirSync('/proc').filter(name => /^\d+$/.test(name)));
  const listed = pids();
  expect(listed).toEqual(expect.arrayContaining([1, pid, process.pid]));
  expect(new Set(listed).size).toBe(listed.length);
  // Processes come and go meanwhile, but not most of them.
  expect(listed.filter(each => before.has(String(each))).length).toBeGreaterThan(before.size / 2);
});

it('the content is the whole file each time', () => {
  const { file, buf } = reader();
  for (const name of ['limits', 'limits', 'cgroup', 'limits']) {
    const length = file(pid, name);
    expect(buf.toString('latin1', 0, length)).toBe(readFileSync(`/proc/${pid}/${name}`, 'latin1'));
  }
});

it('one that has ended is gone', async () => {
  const { file, openFds, fdsOf } = reader();
  for (let i = 0; i < 2; i++) {
    file(pid, 'stat');
    openFds(pid);
  }
  await end();
  const names: string[] = [];
  expect([fdsOf(pid, names), names]).toEqual([GONE, []]);
  expect([openFds(pid), file(pid, 'stat')]).toEqual([GONE, GONE]);
});
