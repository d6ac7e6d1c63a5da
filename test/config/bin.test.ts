// What bin/eudaemon runs: the bundle, but in a checkout the sources where one of them is newer.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Runs it in a tree of these files, each so many seconds old. */
function run(files: Record<string, number>): string {
  const home = mkdtempSync(join(tmpdir(), 'eudaemon-bin-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  for (const [name, age] of Object.entries(files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `console.log(${JSON.stringify(name)}, ...process.argv.slice(2));\n`);
    utimesSync(path, 1_700_000_000 - age, 1_700_000_000 - age);
  }
  mkdirSync(join(home, 'bin'));
  copyFileSync(join(ROOT, 'bin/eudaemon'), join(home, 'bin/eudaemon'));
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  return execFileSync(join(home, 'bin/eudaemon'), ['a b', 'c'], { encoding: 'utf8' }).trim();
}

it.each([
  ['a checkout', { 'dist/main.js': 5, 'agent/main.ts': 9, 'console/api.ts': 9 }, 'dist/main.js'],
  ['a checkout without a build', { 'agent/main.ts': 9 }, 'agent/main.ts'],
  [
    'a checkout with a newer source',
    { 'dist/main.js': 5, 'agent/main.ts': 9, 'console/api.ts': 1 },
    'agent/main.ts',
  ],
  ['a package, however its files were unpacked', { 'dist/main.js': 5, 'console/api.ts': 1 }, 'dist/main.js'],
])('%s', (_, files, main) => expect(run(files)).toBe(`${main} a b c`));
