// Where rotated files are looked for that nobody saw: where a link leads, and where files of a log went before.
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  onTestFinished(() => rig.remove());
});

const WAYS: [string, (log: string, old: string) => void][] = [
  ['moved', renameSync],
  [
    'copied and emptied',
    (log, old) => {
      copyFileSync(log, old);
      truncateSync(log);
    },
  ],
];

it.each(
  WAYS.flatMap(([how, move]) =>
    ['real.log.1', 'real.log.20240102-150405', 'old/real.log.1'].map(name => [how, name, move] as const),
  ),
)('a log behind a link whose file was %s to %s while nobody looked gives its last lines', (_, name, move) => {
  for (const dir of ['links', 'data/old']) mkdirSync(rig.path(dir), { recursive: true });
  const real = rig.path('data/real.log');
  symlinkSync('../data/real.log', rig.path('links/app.log'));
  writeFileSync(real, 'first\n');
  rig.follow({ include: ['links/*.log'], start_at: 'beginning' });
  rig.start();
  rig.commit();
  rig.turn(1000);
  rig.stop();
  appendFileSync(real, 'last\n');
  rig.tick();
  move(real, rig.path(`data/${name}`));
  rig.tick();
  appendFileSync(real, 'next\n');
  rig.start();
  rig.turn(20_000);
  expect(rig.bodies).toEqual(['first', 'last', 'next']);
});

it('files of a log behind a link that came and went between two looks are read', () => {
  mkdirSync(rig.path('data'));
  const real = rig.path('data/0.log');
  symlinkSync(real, rig.path('app.log'));
  writeFileSync(real, 'one\n');
  rig.follow({ include: ['app.log'], start_at: 'beginning' });
  rig.start();
  for (const line of ['two', 'three', 'four']) {
    appendFileSync(real, `${line} begins\n`);
    rig.tick();
    renameSync(real, `${real}.2024010${line.length}-${line.charCodeAt(1)}`);
    rig.tick();
    writeFileSync(real, `${line} ends\n`);
  }
  rig.turn(20_000);
  const later = ['two', 'three', 'four'].flatMap(line => [`${line} begins`, `${line} ends`]);
  expect(rig.bodies).toEqual(['one', ...later]);
});

it.each(['running', 'stopped'].flatMap(how => ['../away', 'old'].map(dir => [dir, how])))(
  'what went to the directory %s is read there once a file was seen to go there, by an agent that is %s',
  (dir, how) => {
    const log = rig.path('app.log');
    const old = (n: number) => rig.path(`${dir}/app.log.${n}`);
    mkdirSync(dirname(old(1)));
    writeFileSync(log, 'one\n');
    rig.follow({ include: ['app.log'], start_at: 'beginning' });
    rig.start();
    renameSync(log, old(1));
    writeFileSync(log, 'two\n');
    rig.turn(1000);
    rig.commit();
    rig.turn(1000);
    if (how === 'stopped') rig.stop();
    for (const line of ['three', 'four']) {
      appendFileSync(log, `${line}\n`);
      rig.tick();
      renameSync(old(1), old(line.length - 2));
      renameSync(log, old(1));
      rig.tick();
      writeFileSync(log, '');
    }
    appendFileSync(log, 'five\n');
    if (how === 'stopped') rig.start();
    rig.turn(20_000);
    expect(rig.bodies).toEqual(['one', 'two', 'three', 'four', 'five']);
  },
);

it.each([
  ['2024-01-02-app.log', '2024-01-03-app.log'],
  ['20240102T030405_app.log', '20240103T030405_app.log'],
  ['02-Jan-2024/app.log', '03-Jan-2024/app.log'],
  ['2024-01-02/app.log', '2024-01-03/app.log.1'],
])('generations that went to %s and %s while nobody looked are read', (first, second) => {
  const log = rig.path('app.log');
  writeFileSync(log, 'one\n');
  rig.follow({ include: ['app.log'], start_at: 'beginning' });
  rig.start();
  rig.commit();
  rig.turn(1000);
  rig.stop();
  for (const name of [first, second]) {
    appendFileSync(log, `last before ${name}\n`);
    rig.tick();
    mkdirSync(dirname(rig.path(name)), { recursive: true });
    renameSync(log, rig.path(name));
    rig.tick();
  }
  writeFileSync(log, 'next\n');
  for (let starts = 0; starts < 2; starts++) {
    rig.start();
    rig.turn(20_000);
    rig.stop();
  }
  expect(rig.bodies).toEqual(['one', `last before ${first}`, `last before ${second}`, 'next']);
});

it.each(['stays', 'goes on'])(
  'the last line behind a link that goes when its log was quiet is read, and the file %s',
  how => {
    mkdirSync(rig.path('pods'));
    mkdirSync(rig.path('containers'));
    const real = rig.path('pods/0.log');
    const link = rig.path('containers/web.log');
    symlinkSync(real, link);
    writeFileSync(real, 'one\n');
    rig.follow({ include: ['containers/*.log'], start_at: 'beginning' });
    rig.start();
    rig.turn(400_000, 5000);
    appendFileSync(real, 'last\n');
    rmSync(link);
    rig.turn(1000);
    if (how === 'goes on') appendFileSync(real, 'more\n');
    rig.turn(20_000);
    expect(rig.bodies).toEqual(how === 'goes on' ? ['one', 'last', 'more'] : ['one', 'last']);
  },
);
