import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDirectory } from '../../agent/control/lock.ts';
import { loadNative } from '../../agent/native/index.ts';

let dir: string;
const warn = (message: string) => {
  throw new Error(message);
};
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ways = [
  ['flock', loadNative()?.libc.flock],
  ['pid and start time', undefined],
] as const;

describe.each(ways)('%s', (_, flock) => {
  test('one that ended without a word does not hold it', () => {
    writeFileSync(join(dir, 'lock'), '4194304 123\n');
    lockDirectory(dir, flock, warn).release();
    writeFileSync(join(dir, 'lock'), `${process.ppid} 1\n`);
    lockDirectory(dir, flock, warn).release();
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\n$`));
  });

  test.each(['', 'nonsense', '-1 5', '1e9'])('a file of %j holds nothing', content => {
    writeFileSync(join(dir, 'lock'), content);
    lockDirectory(dir, flock, warn).release();
    rmSync(join(dir, 'lock'));
    lockDirectory(dir, flock, warn).release();
    expect(statSync(join(dir, 'lock')).mode & 0o777).toBe(0o600);
  });

  test('a directory that cannot be written to is named with the fix', () => {
    rmSync(join(dir, 'lock'), { force: true });
    mkdirSync(join(dir, 'lock'));
    chmodSync(dir, 0o700);
    expect(() => lockDirectory(dir, flock, warn)).toThrow(
      `cannot lock agent.state_dir "${dir}": is a directory; set agent.state_dir to a directory the agent may write`,
    );
  });
});

test('flock: held until it is released, whoever asks', () => {
  const [, flock] = ways[0];
  if (!flock) return expect(process.platform).not.toBe('linux');
  const lock = lockDirectory(dir, flock, warn);
  expect(() => lockDirectory(dir, flock, warn)).toThrow(
    `cannot lock agent.state_dir "${dir}": in use by another eudaemon (pid ${process.pid}); stop that one, or give this one an agent.state_dir of its own`,
  );
  lock.release();
  lockDirectory(dir, flock, warn).release();
});

test('pid and start time: a living process holds it until it ends', async () => {
  const other = spawn('sleep', ['60']);
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'utf8');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(join(dir, 'lock'), `${other.pid} ${start}\n`);
  expect(() => lockDirectory(dir, undefined, warn)).toThrow(`in use by another eudaemon (pid ${other.pid})`);
  other.kill('SIGKILL');
  await new Promise(ended => other.once('close', ended));
  lockDirectory(dir, undefined, warn).release();
});
