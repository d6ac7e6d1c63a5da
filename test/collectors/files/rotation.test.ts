// Which names beside a log are its rotations.
import fs, {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Beside, createBeside } from '../../../collectors/files/rotation.ts';
import { MEMORY, Rig } from './rig.ts';

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
  'app.log-20240102-15+0100',
  'app-2024-W05.log',
  'app.log.new',
  'app.log2',
  'app.logs.1',
  'app-worker.log',
  'app-worker.log.1',
  'my-app.log.1',
  'app',
  'app.1',
  'current',
  '@400000006593f2f10bebc200.s',
  '@400000006593f2f10bebc201.u',
  '@4000000065.s',
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
      'app.log-20240102-15+0100',
      'app-2024-W05.log',
    ],
  ],
  ['current', ['@400000006593f2f10bebc200.s', '@400000006593f2f10bebc201.u']],
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

const copyAndEmpty = (log: string, old: string) => {
  copyFileSync(log, old);
  truncateSync(log);
};

describe('a log that is rotated to a directory beside it', () => {
  const rotate: [string, (log: string, old: string) => void][] = [
    ['moved', renameSync],
    ['copied and emptied', copyAndEmpty],
  ];
  it.each(rotate.flatMap(([how, what]) => ['app.log', 'app.log*'].map(glob => [how, glob, what] as const)))(
    'and was %s while nobody looked gives its last lines first, in %s',
    (_, include, move) => {
      const rig = new Rig();
      onTestFinished(() => rig.remove());
      const [log, old] = [rig.path('app.log'), rig.path('old/app.log.1')];
      for (const dir of ['old', 'other']) mkdirSync(rig.path(dir));
      for (const name of ['app.log', 'app.log.1'])
        writeFileSync(rig.path(`other/${name}`), 'of another log\n');
      writeFileSync(log, 'first\n');
      rig.follow({ include: [include], start_at: 'beginning' });
      rig.start();
      rig.commit();
      rig.turn(1000);
      rig.stop();
      appendFileSync(log, 'last\n');
      rig.tick();
      move(log, old);
      rig.tick();
      writeFileSync(rig.path('other/app.log.2'), 'of another log\n');
      appendFileSync(log, 'next\n');
      rig.start();
      rig.turn(20_000);
      expect(rig.bodies).toEqual(['first', 'last', 'next']);
    },
  );
});

/** Until the test ends `stat` stands for `statSync`. */
function useStat(stat: unknown): void {
  const { statSync } = fs;
  const use = (one: unknown) => {
    Object.assign(fs, { statSync: one });
    syncBuiltinESMExports();
  };
  use(stat);
  onTestFinished(() => use(statSync));
}

it('a log that is moved away while it is taken up is read once', () => {
  const rig = new Rig();
  onTestFinished(() => rig.remove());
  const log = rig.path('app.log');
  writeFileSync(log, 'a\n');
  rig.follow({ include: ['app.log'], start_at: 'beginning' });
  rig.start();
  renameSync(log, `${log}.1`);
  rig.tick();
  writeFileSync(log, 'b\n');
  const { statSync } = fs;
  let isMoved = false;
  useStat((...args: Parameters<typeof statSync>) => {
    const stats = statSync(...args);
    if (!isMoved && String(args[0]) === log) {
      isMoved = true;
      renameSync(`${log}.1`, `${log}.2`);
      renameSync(log, `${log}.1`);
      writeFileSync(log, 'c\n');
    }
    return stats;
  });
  rig.turn(20_000);
  expect(rig.bodies).toEqual(['a', 'b', 'c']);
});

it('each of them once, though rotation moves them on in the middle of a look', () => {
  const dir = mkdtempSync(join(MEMORY, 'eudaemon-rotations-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const log = join(dir, 'app.log');
  for (const n of [1, 2, 3]) writeFileSync(`${log}.${n}`, `${n}`);
  const inodes = [1, 2, 3].map(n => fs.statSync(`${log}.${n}`).ino);
  const { statSync } = fs;
  let left = 2;
  useStat((...args: Parameters<typeof statSync>) => {
    const stats = statSync(...args);
    if (left > 0 && String(args[0]).startsWith(`${log}.`)) {
      left--;
      for (const n of [5, 4, 3, 2, 1])
        if (fs.existsSync(`${log}.${n}`)) renameSync(`${log}.${n}`, `${log}.${n + 1}`);
    }
    return stats;
  });
  const found = createBeside(dir).rotated('/app.log', 1, 1);
  expect(found.map(({ id }) => id.ino).toSorted()).toEqual(inodes.toSorted());
});

/** Until the test ends no file tells when it was born. */
function forgetBirths(): void {
  const { statSync, fstatSync } = fs;
  const unborn =
    <Args extends unknown[]>(stat: (...args: Args) => unknown) =>
    (...args: Args) => {
      const stats = stat(...args);
      if (stats !== undefined) Object.assign(stats as object, { birthtimeMs: 0 });
      return stats;
    };
  const use = (those: object) => {
    Object.assign(fs, those);
    syncBuiltinESMExports();
  };
  use({ statSync: unborn(statSync), fstatSync: unborn(fstatSync) });
  onTestFinished(() => use({ statSync, fstatSync }));
}

it.each<[string, (log: string, old: string) => void]>([
  ['moved', renameSync],
  ['copied and emptied', copyAndEmpty],
])(
  'where births are not kept, a log that was %s gives what was not read, and nothing of before',
  (_, move) => {
    const rig = new Rig();
    onTestFinished(() => rig.remove());
    forgetBirths();
    const log = rig.path('app.log');
    writeFileSync(`${log}.2`, 'of before\n');
    rig.tick();
    rig.follow({ include: ['app.log'], start_at: 'beginning' });
    rig.start();
    writeFileSync(log, 'first\n');
    rig.turn();
    appendFileSync(log, 'last\n');
    rig.tick();
    move(log, `${log}.1`);
    rig.tick();
    writeFileSync(log, 'next\n');
    rig.turn(20_000);
    expect(rig.bodies).toEqual(['first', 'last', 'next']);
  },
);
