// Copytruncate at its worst moments: between what a look saw and what is read after it.
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { Rig } from './rig.ts';

const LINES = Array.from({ length: 9 }, (_, i) => `line ${i}`);
const text = (lines: readonly string[]) => lines.map(line => `${line}\n`).join('');

function read(): { rig: Rig; log: string; copy: string } {
  const rig = new Rig();
  onTestFinished(() => rig.remove());
  const [log, copy] = [rig.path('app.log'), rig.path('app.log.1')];
  writeFileSync(log, text(LINES));
  rig.follow({ include: ['app.log*'], start_at: 'beginning' });
  rig.start();
  expect(rig.bodies).toEqual(LINES);
  return { rig, log, copy };
}

test('a log that is emptied after the look that found its copy', () => {
  const { rig, log, copy } = read();
  copyFileSync(log, copy);
  rig.follower!.look(++rig.now);
  truncateSync(log);
  rig.follower!.turn(rig.now);
  rig.turn(20_000);
  appendFileSync(log, 'next\n');
  rig.turn(20_000);
  expect(rig.bodies).toEqual([...LINES, 'next']);
});

test('a copy that was not whole in the look that found its log emptied', () => {
  const { rig, log, copy } = read();
  const whole = readFileSync(log, 'utf8');
  writeFileSync(copy, whole.slice(0, 30));
  truncateSync(log);
  rig.follower!.look(++rig.now);
  appendFileSync(copy, whole.slice(30));
  while (rig.follower!.turn(rig.now));
  rig.turn(20_000);
  expect(rig.bodies).toEqual(LINES);
});

test('what the log had when it was copied, and nobody had read', () => {
  const { rig, log, copy } = read();
  appendFileSync(log, 'unread\n');
  copyFileSync(log, copy);
  rig.follower!.look(++rig.now);
  truncateSync(log);
  while (rig.follower!.turn(rig.now));
  rig.turn(20_000);
  expect(rig.bodies).toEqual([...LINES, 'unread']);
});

test('a line whose beginning had gone out ends in the copy', () => {
  const { rig, log, copy } = read();
  appendFileSync(log, 'begun');
  rig.turn(10_000);
  appendFileSync(log, ' and ended\n');
  copyFileSync(log, copy);
  truncateSync(log);
  rig.turn(20_000);
  expect(rig.bodies.slice(LINES.length)).toEqual(['begun', ' and ended']);
  const pieces = rig.records.map(({ attributes }) => attributes['eudaemon.partial']);
  expect(pieces.slice(LINES.length)).toEqual([true, false]);
});

test('copies made one after the other between two looks, each heard of by a hint', () => {
  const rig = new Rig();
  onTestFinished(() => rig.remove());
  rig.follow({ include: ['*.log'], start_at: 'beginning' });
  const names = ['a.log', 'b.log'];
  for (const name of names) writeFileSync(rig.path(name), `first of ${name}\n`);
  rig.start();
  for (const name of names) {
    rig.tick();
    appendFileSync(rig.path(name), `last of ${name}\n`);
    copyFileSync(rig.path(name), rig.path(`${name}.1`));
    truncateSync(rig.path(name));
    rig.follower!.glance([rig.path(name)], ++rig.now);
    while (rig.follower!.turn(rig.now));
  }
  rig.turn(60_000);
  expect(rig.bodies).toEqual(['first', 'last'].flatMap(what => names.map(name => `${what} of ${name}`)));
});

test('what no copy turned up for is told, also while a new log may not be read', () => {
  const { rig, log } = read();
  chmodSync(rig.top, 0o755);
  writeFileSync(rig.path('app.log.other'), 'other\n', { mode: 0 });
  appendFileSync(log, `${'x'.repeat(149)}\n`.repeat(10));
  const isRoot = process.getuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  onTestFinished(() => void (isRoot && process.seteuid!(0)));
  rig.follower!.look(++rig.now);
  if (isRoot) process.seteuid!(0);
  truncateSync(log);
  if (isRoot) process.seteuid!(65_534);
  rig.turn(60_000);
  expect(rig.lost).toEqual(['truncated 10']);
});

// As logrotate does it by `renamecopy`.
describe.each(['app.log', 'app.log*'])(
  'a log of %s that is moved aside, copied and deleted comes once,',
  include => {
    /** `read(i)` follows step i. */
    function rotateTwice(read: (i: number, rig: Rig) => void): void {
      const rig = new Rig();
      onTestFinished(() => rig.remove());
      const [log, aside] = [rig.path('app.log'), rig.path('app.log.tmp')];
      rig.follow({ include: [include], start_at: 'beginning' });
      rig.start();
      const written: string[] = [];
      const write = (line: string, path = log) => {
        written.push(line);
        appendFileSync(path, `${line}\n`);
      };
      for (const round of [1, 2]) {
        write(`${round} a`);
        rig.turn();
        write(`${round} b`);
        const steps = [
          () => renameSync(log, aside),
          () => writeFileSync(log, ''),
          () => write(`${round} c`),
          () => write(`${round} d`, aside),
          () => copyFileSync(aside, `${log}.${round}`),
          () => write(`${round} e`, aside),
          () => rmSync(aside),
        ];
        for (const [i, step] of steps.entries()) {
          rig.tick();
          step();
          read(i, rig);
        }
        rig.turn(500);
        rig.commit();
        rig.turn(20_000);
      }
      expect(rig.bodies.toSorted()).toEqual(written.toSorted());
    }

    it.each([
      ['never', []],
      ['when it was moved', [0]],
      ['when the next was written to', [2]],
      ['when it was copied', [4]],
      ['all the time', [0, 1, 2, 3, 4, 5]],
    ])('whoever looks %s', (_, looks) => {
      rotateTwice((i, rig) => {
        if (!looks.includes(i)) return;
        rig.turn();
        rig.commit();
      });
    });

    const STEPS = [
      'moved',
      'next is there',
      'next is written to',
      'written to',
      'copied',
      'written to again',
      'deleted',
    ];
    it.each(
      STEPS.flatMap((seen, i) => STEPS.slice(i + 1).map((read, j) => [seen, read, i, i + 1 + j] as const)),
    )('seen when it was %s and read when it was %s', (_seen, _read, look, turn) => {
      rotateTwice((i, rig) => {
        if (i < look) rig.turn();
        if (i === look) rig.follower!.look(++rig.now);
        if (i !== turn) return;
        while (rig.follower!.turn(rig.now));
        rig.commit();
      });
    });
  },
);

describe.each(['app.log', 'app.log*'])('a log of %s that was moved aside and copied', include => {
  it.each([
    ['found by the look that finds it deleted and closed', 0],
    ['told before what was read of it is safe', 250],
  ])('is not let go while its copy is %s', (_, ms) => {
    const rig = new Rig();
    onTestFinished(() => rig.remove());
    const [log, aside] = [rig.path('app.log'), rig.path('app.log.tmp')];
    rig.follow({ include: [include], start_at: 'beginning' });
    const fd = openSync(log, 'a');
    rig.writes(fd);
    writeSync(fd, text(LINES));
    rig.start();
    renameSync(log, aside);
    writeFileSync(log, '');
    rig.turn(5000);
    rig.tick();
    copyFileSync(aside, `${log}.1`);
    rig.turn(ms);
    rmSync(aside);
    rig.closes(fd);
    appendFileSync(log, 'next\n');
    rig.turn(5000);
    rig.commit();
    rig.turn(20_000);
    expect(rig.bodies).toEqual([...LINES, 'next']);
    expect(rig.follower!.changed(0)).toEqual(include === 'app.log' ? [log] : [log, `${log}.1`]);
  });
});

describe('what is safe of a log is safe in its copy as well, whatever else is not,', () => {
  it.each<[string, (log: string, rig: Rig) => void]>([
    ['when it was emptied', log => truncateSync(log)],
    ['when it was deleted', log => rmSync(log)],
    ['when it is still there', (_, rig) => rig.turn(20_000)],
  ])('%s', (_, next) => {
    const rig = new Rig();
    onTestFinished(() => rig.remove());
    const [log, copy, other] = ['app.log', 'app.log.1', 'other.log'].map(rig.path, rig) as [
      string,
      string,
      string,
    ];
    rig.follow({ include: ['*.log*'], start_at: 'beginning' });
    rig.start();
    writeFileSync(log, text(LINES));
    rig.turn();
    rig.commit();
    appendFileSync(log, 'last\n');
    writeFileSync(other, 'other\n');
    rig.turn();
    copyFileSync(log, copy);
    rig.turn();
    next(log, rig);
    rig.turn(1000);
    // The checkpoint is saved with each new file.
    writeFileSync(rig.path('new.log'), '');
    rig.turn();
    rig.crash();
    rig.start();
    rig.turn(20_000);
    rig.commit();
    expect(rig.bodies.toSorted()).toEqual([...LINES, 'last', 'other'].toSorted());
  });
});

describe('a log that begins again with the same line', () => {
  it.each(['app.log', 'app.log*'])('is no copy of what was read before: %s', async include => {
    const rig = new Rig();
    onTestFinished(() => rig.remove());
    const path = (name: string) => rig.path(name);
    const write = () => {
      appendFileSync(path('app.log'), 'started\n');
      rig.tick();
    };
    const move = (name: string) => renameSync(path('app.log'), path(name));
    const copy = (name: string) => {
      copyFileSync(path('app.log'), path(name));
      truncateSync(path('app.log'));
      rig.tick();
    };
    let written = 0;
    const expectAll = () => {
      rig.turn(60_000);
      rig.commit();
      expect(rig.bodies).toEqual(Array(written).fill('started'));
    };
    rig.follow({ include: [include], start_at: 'beginning' });
    rig.start();
    write();
    written++;
    expectAll();
    // Moved away, and another after it, between two looks.
    move('app.log.9');
    write();
    move('app.log.8');
    write();
    written += 2;
    expectAll();
    // Emptied twice.
    copy('app.log.7');
    write();
    copy('app.log.6');
    written++;
    expectAll();
    write();
    written++;
    expectAll();
    // Emptied, with a copy that nobody keeps.
    copy('app.log.5');
    rmSync(path('app.log.5'));
    rig.turn();
    write();
    copy('app.log.4');
    written++;
    expectAll();
    // The same while no agent runs.
    write();
    written++;
    expectAll();
    rig.stop();
    move('app.log.3');
    write();
    copy('app.log.2');
    write();
    move('app.log.1');
    written += 2;
    rig.start();
    expectAll();
  });
});
