// Pids of a namespace of our own are told, once and with the fix.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unseenProcesses } from '../../../agent/identity/namespace.ts';

function host(self: string | undefined, ...pids: string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'eudaemon-host-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'proc'));
  if (self !== undefined) symlinkSync(self, join(root, 'proc/self'));
  for (const pid of pids) {
    mkdirSync(join(root, 'proc', pid));
    writeFileSync(join(root, 'proc', pid, 'stat'), '');
  }
  return root;
}

it.each([
  ['the same pid', '7', undefined],
  ['no pid, a tree of files', undefined, undefined],
  ['another pid', '31337', 'hostPID: true'],
])('below the root the agent has %s', (_, self, fix) => {
  const found = unseenProcesses(host(self), {}, 7);
  if (fix === undefined) expect(found).toBeUndefined();
  else {
    expect(found!.fix).toContain(fix);
    expect(found!.what).toContain('pid 7 to itself and pid 31337');
  }
});

it('on a host of its own nothing is said', () =>
  expect(unseenProcesses('/', {}, process.pid)).toBeUndefined());

it.each([
  ['the first process and us', ['1', '7'], false],
  ['us alone', ['7'], true],
  ['nobody', [], false],
])('where /proc shows %s, others are hidden: %s', (_, pids, hidden) => {
  const found = unseenProcesses(host('7', ...pids), {}, 7);
  expect(found?.what.includes('hidepid') ?? false).toBe(hidden);
});
