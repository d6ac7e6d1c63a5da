// Logs with unread bytes that go away while nobody looks: told once, unless they are found under another name.
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  mkdirSync(path('app'));
  rig.follow({ include: ['app/*.log', 'links/*.log'], start_at: 'beginning' });
});
afterEach(() => rig.remove());

const path = (name: string) => rig.path(name);
const LOG = 'app/app.log';
/** The end is seen and not read. */
const REST = `${'x'.repeat(299)}\n`;
const stopBehind = () => {
  rig.start();
  rig.space = 1;
  appendFileSync(path(LOG), 'second\n');
  rig.turn();
  appendFileSync(path(LOG), REST);
  rig.turn();
  rig.stop();
  rig.space = Number.POSITIVE_INFINITY;
};
const startAgain = () => {
  rig.start();
  rig.turn(60_000, 1000);
  rig.stop();
};

describe('a log that was not read to its end', () => {
  beforeEach(() => {
    writeFileSync(path(LOG), 'first\n');
  });

  it.each<[string, () => void]>([
    ['was deleted', () => rmSync(path(LOG))],
    [
      'was deleted, and another is there',
      () => {
        rig.tick();
        rmSync(path(LOG));
        writeFileSync(path(LOG), 'next\n');
      },
    ],
    ['is in a directory that was renamed', () => renameSync(path('app'), path('other'))],
  ])('and %s is told once', (_, act) => {
    stopBehind();
    act();
    startAgain();
    startAgain();
    expect(rig.lost).toEqual(['deleted 2']);
  });

  it.each<[string, () => void]>([
    ['under another name', () => renameSync(path(LOG), path('app/app.log.1'))],
    [
      'as a copy',
      () => {
        copyFileSync(path(LOG), path('app/app.log.1'));
        rmSync(path(LOG));
      },
    ],
  ])('is read %s, and nothing is told', (_, act) => {
    stopBehind();
    rig.tick();
    act();
    startAgain();
    startAgain();
    expect([rig.bodies, rig.lost]).toEqual([['first', 'second', REST.trim()], []]);
  });

  it('is told as compressed where it was', () => {
    stopBehind();
    appendFileSync(path(LOG), REST);
    rig.tick();
    writeFileSync(path('app/app.log.1.gz'), gzipSync(`first\nsecond\n${REST}${REST}`));
    rmSync(path(LOG));
    startAgain();
    startAgain();
    expect(rig.lost).toEqual(['compressed 4']);
  });
});

it('a log whose end is read from what was made of it, compressed, is nothing to tell', async () => {
  rig.entries = [];
  rig.follow({ include: ['app/*.log'], start_at: 'beginning', compressed: 'read' });
  writeFileSync(path(LOG), 'first\n');
  stopBehind();
  rig.tick();
  writeFileSync(path('app/app.log.1.gz'), gzipSync(`first\nsecond\n${REST}`));
  rmSync(path(LOG));
  rig.start();
  await rig.unpack();
  rig.turn(60_000, 1000);
  rig.stop();
  startAgain();
  expect([rig.bodies, rig.lost]).toEqual([['first', 'second', REST.trim()], []]);
});

it('a link that is gone is told once', () => {
  mkdirSync(path('links'));
  mkdirSync(path('elsewhere'));
  writeFileSync(path('elsewhere/data'), 'first\n');
  symlinkSync(path('elsewhere/data'), path('links/app.log'));
  rig.start();
  rig.space = 1;
  appendFileSync(path('elsewhere/data'), `second\n`);
  rig.turn();
  appendFileSync(path('elsewhere/data'), REST);
  rig.turn();
  rig.stop();
  rig.space = Number.POSITIVE_INFINITY;
  rmSync(path('links/app.log'));
  startAgain();
  startAgain();
  expect(rig.lost).toEqual(['deleted 2']);
});

it('a log that was read to its end and is gone is nothing to tell', () => {
  writeFileSync(path(LOG), 'first\n');
  rig.start();
  rig.stop();
  rmSync(path(LOG));
  startAgain();
  expect([rig.bodies, rig.lost]).toEqual([['first'], []]);
});
