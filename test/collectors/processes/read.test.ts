// Files of processes that stay open say what they say by their paths.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createReader, DENIED, GONE } from '../../../collectors/processes/read.ts';

let pid = 0;
let end = async () => {};
beforeEach(async () => {
  const child = spawn('cat');
  await once(child, 'spawn');
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
  onTestFinished(() => reader.hold(new Map()));
  reader.hold(new Set([pid]));
  return reader;
}

it('descriptors and their targets', () => {
  const { fdsOf, targetOf, openFds, file } = reader();
  expect(file(pid, 'stat')).toBeGreaterThan(0);
  const fds = readdirSync(`/proc/${pid}/fd`);
  expect(openFds(pid)).toBe(fds.length);
  expect(fdsOf(pid)).toEqual(fds);
  for (const fd of fds) expect(targetOf(pid, fd)).toBe(readlinkSync(`/proc/${pid}/fd/${fd}`));
  expect(() => targetOf(pid, '99')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
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
  file(pid, 'stat');
  openFds(pid);
  await end();
  expect(() => fdsOf(pid)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect([GONE, DENIED]).toContain(openFds(pid));
  expect(file(pid, 'stat')).toBe(GONE);
});
