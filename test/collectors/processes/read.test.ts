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
  const { links, target, targetOf, openFds, file } = reader();
  expect(file(pid, 'stat')).toBeGreaterThan(0);
  const expected = readdirSync(`/proc/${pid}/fd`)
    .map(fd => [Number(fd), readlinkSync(`/proc/${pid}/fd/${fd}`)] as const)
    .toSorted(([a], [b]) => a - b);
  for (let i = 0; i < times; i++) {
    const found: [number, string][] = [];
    expect(openFds(pid)).toBe(expected.length);
    expect(links(pid, (fd, length) => found.push([fd, target.toString('utf8', 0, length)]))).toBe(0);
    expect(found.toSorted(([a], [b]) => a - b)).toEqual(expected);
  }
  for (const [fd, led] of expected) expect(targetOf(pid, fd)).toBe(led);
  expect(() => targetOf(pid, 99)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
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
  const { file, openFds, links } = reader();
  for (let i = 0; i < 2; i++) {
    file(pid, 'stat');
    openFds(pid);
  }
  await end();
  const found: number[] = [];
  expect([links(pid, fd => found.push(fd)), found]).toEqual([GONE, []]);
  expect([openFds(pid), file(pid, 'stat')]).toEqual([GONE, GONE]);
});
