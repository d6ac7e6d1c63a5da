// Pids of a namespace of our own are told, once and with the fix.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { foreignPids } from '../../../agent/identity/namespace.ts';

function host(self: string | undefined): string {
  const root = mkdtempSync(join(tmpdir(), 'eudaemon-host-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'proc'));
  if (self !== undefined) symlinkSync(self, join(root, 'proc/self'));
  return root;
}

it.each([
  ['the same pid', '7', undefined],
  ['no pid, a tree of files', undefined, undefined],
  ['another pid', '31337', 'hostPID: true'],
])('below the root the agent has %s', (_, self, fix) => {
  const found = foreignPids(host(self), {}, 7);
  if (fix === undefined) expect(found).toBeUndefined();
  else {
    expect(found!.fix).toContain(fix);
    expect(found!.what).toContain('pid 7 to itself and pid 31337');
  }
});

it('on a host of its own nothing is said', () => expect(foreignPids('/', {}, process.pid)).toBeUndefined());
