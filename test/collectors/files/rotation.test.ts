// Which names beside a log are its rotations.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type Beside, createBeside } from '../../../collectors/files/rotation.ts';
import { MEMORY } from './rig.ts';

const NAMES = [
  'app.log',
  'app.log.1',
  'app.log.2.gz',
  'app.log.3',
  'app.log.3.gz',
  'app.log.4.bz2',
  'app.log-20240102',
  'app.log-20240102T10:11.gz',
  'app.log.old',
  'app.log~',
  'app.1.log',
  'app-20240102.log.gz',
  'app.log.new',
  'app.log2',
  'app.logs.1',
  'app-worker.log',
  'app-worker.log.1',
  'my-app.log.1',
  'app',
  'app.1',
];

function beside(names: readonly string[]): Beside {
  const dir = mkdtempSync(join(MEMORY, 'eudaemon-rotations-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const name of names) writeFileSync(join(dir, name), '');
  return createBeside(dir);
}

const rotationsOf = (log: string, { rotated }: Beside) =>
  rotated(`/${log}`, 1, 1).map(({ path }) => basename(path));

it.each<[string, string[]]>([
  [
    'app.log',
    [
      'app.log.1',
      'app.log.2.gz',
      'app.log.3',
      'app.log-20240102',
      'app.log-20240102T10:11.gz',
      'app.log.old',
      'app.log~',
      'app.1.log',
      'app-20240102.log.gz',
    ],
  ],
  ['app-worker.log', ['app-worker.log.1']],
  ['app', ['app.1']],
  ['app.log.3', []],
  ['other.log', []],
])('of %s', (log, expected) => {
  expect(rotationsOf(log, beside(NAMES)).toSorted()).toEqual(expected.toSorted());
});

it('each of them, however many names there are', () => {
  const names = Array.from({ length: 12_000 }, (_, i) => `app${i}.log.1`);
  const all = beside(names);
  expect(names.filter(name => !rotationsOf(name.slice(0, -2), all).includes(name))).toEqual([]);
});
