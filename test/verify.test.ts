// The script that judges the tree is judged itself: with stand-ins for its tools, its last line and exit code are right.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const temp = mkdtempSync(join(tmpdir(), 'eudaemon-verify-'));
afterAll(() => rmSync(temp, { recursive: true }));

interface Tools {
  tsc?: number;
  /** Exit code of vitest and what it reports; without a report it died before. */
  vitest?: { code: number; passed?: number; failed?: number };
}

function verify({ tsc = 0, vitest = { code: 0, passed: 10, failed: 0 } }: Tools) {
  const root = mkdtempSync(join(temp, 'tree-'));
  const bin = join(root, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(root, 'test'));
  copyFileSync(join(import.meta.dirname, 'verify.sh'), join(root, 'test/verify.sh'));
  const tool = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  tool('tsc', `exit ${tsc}`);
  tool('biome', 'exit 0');
  tool('knip', 'exit 0');
  const report =
    vitest.passed === undefined
      ? ''
      : `for a; do case $a in --outputFile.json=*) echo '${JSON.stringify({
          numPassedTests: vitest.passed,
          numFailedTests: vitest.failed,
        })}' >"\${a#*=}" ;; esac; done`;
  tool('vitest', `${report}\nexit ${vitest.code}`);
  // Not root: nothing is installed.
  tool('id', 'echo 1000');
  symlinkSync(process.execPath, join(bin, 'node'));
  const { status, stdout } = spawnSync('sh', [join(root, 'test/verify.sh')], { encoding: 'utf8' });
  return { status, last: stdout.trimEnd().split('\n').at(-1) };
}

it.each<[string, Tools, string, number]>([
  ['all is well', {}, '23 passed, 0 failed', 0],
  ['a linter complains', { tsc: 2 }, '22 passed, 1 failed', 1],
  ['tests fail', { vitest: { code: 1, passed: 9, failed: 1 } }, '21 passed, 2 failed', 1],
  [
    'a file breaks outside of its tests',
    { vitest: { code: 1, passed: 9, failed: 0 } },
    '21 passed, 2 failed',
    1,
  ],
  ['a run dies without a report', { vitest: { code: 139 } }, '3 passed, 2 failed', 1],
  ['no test ran', { vitest: { code: 0, passed: 0, failed: 0 } }, '3 passed, 2 failed', 1],
])('%s', (_, tools, last, status) => {
  expect(verify(tools)).toEqual({ last, status });
});
