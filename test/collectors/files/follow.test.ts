// Which files changed: looks see everything, a glance what a hint names.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.follow({ include: ['*.log'], start_at: 'beginning' });
  for (const name of ['a', 'b']) writeFileSync(rig.path(`${name}.log`), `${name}\n`);
  rig.start();
});
afterEach(() => rig.remove());

/** Reads what is known to have changed, without a look. */
const read = () => {
  while (rig.follower!.turn(rig.now));
};

describe('a glance', () => {
  it('sees the file that a hint names, and no other', () => {
    for (const name of ['a', 'b']) appendFileSync(rig.path(`${name}.log`), `more ${name}\n`);
    expect(rig.follower!.glance([rig.path('b.log'), rig.path('b.txt')], rig.now)).toBe(true);
    read();
    expect(rig.bodies).toEqual(['a', 'b', 'more b']);
    rig.turn();
    expect(rig.bodies).toEqual(['a', 'b', 'more b', 'more a']);
  });

  it.each<[string, () => void]>([
    ['is gone', () => rmSync(rig.path('a.log'))],
    [
      'is another now',
      () => {
        renameSync(rig.path('a.log'), rig.path('a.log.1'));
        writeFileSync(rig.path('a.log'), 'new\n');
      },
    ],
  ])('at a file that %s calls for a look', (_, change) => {
    rig.tick();
    change();
    expect(rig.follower!.glance([rig.path('a.log')], rig.now)).toBe(false);
  });
});

it('a new file is seen by the next look, also where its directory has the times it had before', () => {
  utimesSync(rig.dir, 1, 1);
  rig.turn(1000);
  writeFileSync(rig.path('c.log'), 'c\n');
  utimesSync(rig.dir, 1, 1);
  rig.turn();
  expect(rig.bodies).toEqual(['a', 'b', 'c']);
});

it('files that changed lately are known, whatever hints say', () => {
  const active = () => rig.follower!.changed(rig.now - 10_000).sort();
  expect(active()).toEqual(['a.log', 'b.log'].map(name => rig.path(name)));
  rig.now += 10_001;
  appendFileSync(rig.path('b.log'), 'more\n');
  rig.turn();
  expect(active()).toEqual([rig.path('b.log')]);
  rmSync(rig.path('b.log'));
  rig.turn();
  expect(active()).toEqual([]);
});

it.each([
  ['a.log.1', 'a.log.2'],
  ['a.log.2', 'a.log.1'],
])(
  'what came and went between two looks, %s and then %s, comes by age where both were last written at once',
  (...names) => {
    rig.tick();
    renameSync(rig.path('a.log'), rig.path('a.log.3'));
    for (const name of names) {
      writeFileSync(rig.path(name), `${name}\n`);
      rig.tick();
    }
    for (const name of names) utimesSync(rig.path(name), rig.now / 1000, rig.now / 1000);
    writeFileSync(rig.path('a.log'), 'a again\n');
    rig.turn();
    expect(rig.bodies).toEqual(['a', 'b', ...names, 'a again']);
  },
);

it('lines longer than what is read at once come whole, in their order', () => {
  const long = 'x'.repeat(900_000);
  const lines = [long, 'short', `${long}y`, 'last'];
  writeFileSync(rig.path('a.log'), `\ufeff${lines.join('\n')}\n`);
  rig.turn();
  expect(rig.bodies.slice(2)).toEqual(lines);
});

it.each([
  [
    ['*.bak', 'old*'],
    ['a.log', 'deep/a.log'],
  ],
  [['**/deep/**'], ['a.log', 'a.log.bak', 'old.log']],
  [[], ['a.log', 'a.log.bak', 'deep/a.log', 'deep/old.log', 'old.log']],
])('exclude %j', (exclude, wanted) => {
  const others = new Rig();
  mkdirSync(others.path('deep'));
  for (const name of ['a.log', 'a.log.bak', 'old.log', 'deep/a.log', 'deep/old.log'])
    writeFileSync(others.path(name), `${name}\n`);
  others.follow({ include: ['**'], exclude, start_at: 'beginning' });
  others.start();
  others.turn();
  expect(others.bodies.sort()).toEqual(wanted);
  others.remove();
});

it('files that came while nobody looked are read by age', () => {
  rig.stop();
  for (const [name, age] of Object.entries({ c: 3, d: 1, e: 4, f: 2 })) {
    writeFileSync(rig.path(`${name}.log`), `${name}\n`);
    utimesSync(rig.path(`${name}.log`), 0, 1000 - age);
  }
  rig.start();
  expect(rig.bodies.slice(2)).toEqual(['e', 'c', 'f', 'd']);
});

it('a link to a directory is no log file, unless it is named', () => {
  mkdirSync(rig.path('releases'));
  for (const name of ['current', 'named']) symlinkSync('releases', rig.path(`${name}.log`));
  rig.turn();
  expect(rig.messages).toEqual([]);
  rig.follow({ include: ['named.log'] });
  rig.stop();
  rig.start();
  expect(rig.messages).toEqual([`cannot read log file "${rig.path('named.log')}": is a directory`]);
});

it('a FIFO that is named is no log file, until a file is there', () => {
  const path = rig.path('named');
  execFileSync('mkfifo', [path]);
  rig.follow({ include: ['named'] });
  rig.stop();
  rig.start();
  expect(rig.messages).toEqual([`cannot read log file "${path}": is a FIFO`]);
  rmSync(path);
  writeFileSync(path, 'c\n');
  rig.turn();
  expect(rig.bodies).toEqual(['a', 'b', 'c']);
});

it('a log that is emptied and begins again as it did gives its unfinished line from the copy', () => {
  const head = `${'#'.repeat(400)}\n`;
  const log = rig.path('a.log');
  appendFileSync(log, `${head}unfinished`);
  rig.turn();
  rig.tick();
  copyFileSync(log, `${log}.1`);
  truncateSync(log);
  rig.tick();
  appendFileSync(log, `a\n${head}another line\n`);
  rig.turn(20_000);
  expect(rig.bodies.filter(body => !body.startsWith('#'))).toEqual([
    'a',
    'b',
    'a',
    'another line',
    'unfinished',
  ]);
});
