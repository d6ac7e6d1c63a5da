// When following a file ends: who still writes to it, what the disk has room for, and what is remembered of it.
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWriters } from '../../../collectors/files/writers.ts';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.follow({ include: ['*.log'], start_at: 'beginning' });
});
afterEach(() => rig.remove());

const log = () => rig.path('app.log');
const value = (name: string) => {
  const family = [...rig.meter.families()].find(({ desc }) => desc.name === name);
  return [...family!.points].reduce((sum, point) => sum + point.value, 0);
};
/** Descriptors the collector holds of files below the rig. */
const held = () =>
  readdirSync('/proc/self/fdinfo').filter(fd => {
    try {
      return statSync(`/proc/self/fd/${fd}`).isFile() && /flags:\s*0?[0-7]*0$/m.test(info(fd)) && ours(fd);
    } catch {
      return false;
    }
  }).length;
const info = (fd: string) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
const ours = (fd: string) => statSync(`/proc/self/fd/${fd}`).dev === statSync(rig.top).dev;

describe('a rotated file', () => {
  it('that its writer holds is followed for as long as that takes, and no longer', () => {
    const fd = openSync(log(), 'a');
    rig.writes(fd);
    writeSync(fd, 'one\n');
    rig.start();
    renameSync(log(), `${log()}.1`);
    rig.turn(1000);
    for (let minute = 0; minute < 10; minute++) {
      rig.turn(60_000, 5000);
      writeSync(fd, `minute ${minute}\n`);
    }
    rig.turn(1000);
    expect(rig.bodies.at(-1)).toBe('minute 9');
    writeSync(fd, 'last\nand its rest');
    rig.closes(fd);
    rig.turn(60_000, 5000);
    rig.commit();
    rig.turn(5000);
    expect(rig.bodies.slice(-2)).toEqual(['last', 'and its rest']);
    expect(value('eudaemon.tail.files')).toBe(0);
  });

  it('that nobody is known to write to is followed for five minutes', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    renameSync(log(), `${log()}.1`);
    rig.turn(280_000, 5000);
    appendFileSync(`${log()}.1`, 'two\n');
    rig.turn(290_000, 5000);
    expect([rig.bodies, value('eudaemon.tail.files')]).toEqual([['one', 'two'], 1]);
    rig.turn(30_000, 5000);
    expect(value('eudaemon.tail.files')).toBe(0);
  });

  it('that comes back after it was let go is read on from where that was', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    rig.commit();
    renameSync(log(), rig.path('away'));
    rig.turn(320_000, 5000);
    appendFileSync(rig.path('away'), 'two\n');
    renameSync(rig.path('away'), log());
    rig.turn(1000);
    expect(rig.bodies).toEqual(['one', 'two']);
    rig.stop();
    rig.start();
    expect(rig.bodies).toEqual(['one', 'two']);
  });
});

describe('a deleted file', () => {
  it('is read while a process writes to it, and that process is named', () => {
    const fd = openSync(log(), 'a');
    rig.writes(fd);
    writeSync(fd, 'one\n');
    rig.start();
    rmSync(log());
    rig.turn(60_000, 5000);
    writeSync(fd, 'two\n');
    rig.turn(1000);
    expect(rig.bodies).toEqual(['one', 'two']);
    expect(rig.messages.filter(each => each.includes('still writes to deleted log file'))).toEqual([
      expect.stringMatching(/^process 4711 \(writer\) .*app\.log": let it open its logs again/),
    ]);
    expect(value('eudaemon.tail.held_deleted')).toBe(8);
    rig.closes(fd);
    rig.turn(10_000);
    expect(value('eudaemon.tail.held_deleted')).toBe(0);
    expect(held()).toBe(0);
  });

  it('that was closed for being quiet is read through the descriptor of its writer', () => {
    const fd = openSync(log(), 'a');
    rig.writes(fd);
    writeSync(fd, 'one\n');
    rig.start();
    rig.turn(400_000, 5000);
    rmSync(log());
    writeSync(fd, 'two\n');
    rig.turn(10_000);
    expect(rig.bodies).toEqual(['one', 'two']);
    rig.closes(fd);
    rig.turn(60_000, 5000);
    expect([rig.lost, value('eudaemon.tail.files')]).toEqual([[], 0]);
  });

  it('that cannot be read for an hour is given up, and what it held is told', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    rig.space = 1;
    appendFileSync(log(), `${'x'.repeat(149)}\n`.repeat(20));
    rig.turn(1000);
    rmSync(log());
    rig.turn(3_500_000, 60_000);
    expect(rig.lost).toEqual([]);
    rig.turn(200_000, 60_000);
    expect(rig.lost).toEqual(['deleted 19']);
    expect(value('eudaemon.tail.files')).toBe(0);
  });

  it('that cannot be read for less than an hour is read when it can be', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    rig.space = 1;
    appendFileSync(log(), 'two\nthree\n');
    rig.turn(1000);
    rmSync(log());
    rig.turn(3_500_000, 60_000);
    rig.space = Number.POSITIVE_INFINITY;
    rig.follower!.resume();
    rig.turn(1000);
    expect([rig.bodies, rig.lost]).toEqual([['one', 'two', 'three'], []]);
  });
});

it('a directory that is renamed takes nothing with it, and leaves nothing behind', () => {
  const dir = rig.path('sub');
  rig.entries[0] = { ...rig.entries[0]!, include: [`${dir}/*.log`] };
  mkdirSync(dir);
  for (const name of ['a', 'b']) writeFileSync(join(dir, `${name}.log`), `${name}\n`);
  rig.start();
  rig.turn(400_000, 5000);
  appendFileSync(join(dir, 'a.log'), 'more a\n');
  rig.turn(1000);
  const fd = openSync(join(dir, 'a.log'), 'a');
  rig.writes(fd);
  renameSync(dir, `${dir}.old`);
  mkdirSync(dir);
  writeFileSync(join(dir, 'a.log'), 'new a\n');
  writeSync(fd, 'late a\n');
  rig.turn(60_000, 5000);
  expect(rig.bodies.sort()).toEqual(['a', 'b', 'late a', 'more a', 'new a']);
  rig.closes(fd);
  rig.turn(60_000, 5000);
  expect(value('eudaemon.tail.files')).toBe(1);
  expect(rig.messages.filter(each => each.startsWith('cannot'))).toEqual([]);
});

it('a writer that does not append to a log that is emptied is named', () => {
  const fd = openSync(log(), 'w');
  rig.writes(fd);
  writeSync(fd, 'one\n');
  rig.start();
  truncateSync(log());
  writeSync(fd, 'two\n');
  rig.turn(5000);
  rig.closes(fd);
  expect(rig.bodies).toEqual(['one', 'two']);
  expect(rig.messages.filter(each => each.includes('does not append'))).toHaveLength(1);
});

describe('a checkpoint', () => {
  const file = () => join(rig.top, 'state/checkpoints.json');
  it.each([
    ['empty', ''],
    ['cut', '{"version":1,"sources":[],"fil'],
    ['zeros', '\0'.repeat(100)],
    ['of another kind', '[]'],
    ['of another version', '{"version":99,"sources":[],"files":[]}'],
    ['with a damaged entry', '{"version":1,"sources":[],"files":[{"ino":"x"}]}'],
  ])('that is %s is set aside, and told as an event', (_, content) => {
    writeFileSync(log(), 'one\n');
    mkdirSync(join(rig.top, 'state'));
    writeFileSync(file(), content);
    rig.start();
    expect(rig.bodies).toEqual(['one']);
    expect(rig.events.map(({ name }) => name)).toEqual(['eudaemon.checkpoint.lost']);
    const [aside] = readdirSync(join(rig.top, 'state')).filter(name => name.includes('corrupt'));
    expect(readFileSync(join(rig.top, 'state', aside!), 'utf8')).toBe(content);
  });

  it('goes on where the number of the device has changed', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    rig.stop();
    writeFileSync(file(), readFileSync(file(), 'utf8').replaceAll(/"dev":\d+/g, '"dev":12345'));
    appendFileSync(log(), 'two\n');
    rig.start();
    expect(rig.bodies).toEqual(['one', 'two']);
  });

  it('forgets files that were not there for a week', () => {
    writeFileSync(log(), 'one\n');
    rig.start();
    rig.stop();
    rmSync(log());
    const entries = () => JSON.parse(readFileSync(file(), 'utf8')).files.length;
    for (const [days, count] of [
      [6, 1],
      [2, 0],
    ]) {
      rig.now += days! * 24 * 3_600_000;
      rig.start();
      rig.stop();
      expect(entries()).toBe(count);
    }
  });

  it('is never ahead of what is safe', () => {
    writeFileSync(log(), 'one\ntwo\n');
    rig.start();
    rig.turn(1000);
    rig.kill();
    rig.start();
    expect(rig.bodies).toEqual(['one', 'two', 'one', 'two']);
    const [a, , b] = rig.records.map(({ attributes }) => attributes['log.record.uid']);
    expect(a).toBe(b);
  });
});

it('hard links and symbolic links to one file are one file', () => {
  writeFileSync(log(), 'one\n');
  linkSync(log(), rig.path('hard.log'));
  symlinkSync(log(), rig.path('soft.log'));
  rig.start();
  appendFileSync(rig.path('hard.log'), 'two\n');
  rig.turn();
  rmSync(log());
  rig.turn();
  appendFileSync(rig.path('hard.log'), 'three\n');
  rig.turn();
  expect(rig.bodies).toEqual(['one', 'two', 'three']);
});

describe('the writers of files', () => {
  const proc = () => join(rig.top, 'proc');
  const process_ = (pid: number, fds: Record<string, [target: string, flags: string]>) => {
    mkdirSync(join(proc(), `${pid}/fd`), { recursive: true });
    mkdirSync(join(proc(), `${pid}/fdinfo`));
    writeFileSync(join(proc(), `${pid}/comm`), `daemon ${pid}\n`);
    for (const [fd, [target, flags]] of Object.entries(fds)) {
      symlinkSync(target, join(proc(), `${pid}/fd/${fd}`));
      writeFileSync(join(proc(), `${pid}/fdinfo/${fd}`), `pos:\t0\nflags:\t${flags}\n`);
    }
  };
  const writersOf = (path: string) => {
    const { dev, ino } = statSync(path);
    const writers = createWriters(rig.top);
    for (let now = 0; now < 1_000_000; now += 250) {
      const pass = writers.step(now);
      if (pass)
        return {
          whole: pass.isWhole,
          writers: pass.of(dev, ino).map(({ pid, appends }) => [pid, appends]),
          now,
        };
    }
    return undefined;
  };

  it('are those that have them open for writing', () => {
    writeFileSync(log(), '');
    writeFileSync(rig.path('other'), '');
    process_(1, { 0: ['/dev/null', '0100002'], 3: [log(), '02102001'], 4: [rig.path('other'), '01'] });
    process_(2, { 1: [log(), '0100000'], 2: [rig.path('gone'), '01'] });
    process_(3, { 7: [log(), '0100002'], 8: [log(), 'damaged'] });
    mkdirSync(join(proc(), 'self'));
    mkdirSync(join(proc(), '99'));
    expect(writersOf(log())).toMatchObject({
      whole: true,
      writers: expect.arrayContaining([
        [1, true],
        [3, false],
      ]),
    });
    expect(writersOf(log())!.writers).toHaveLength(2);
  });

  it('are looked for a little at a time', () => {
    writeFileSync(log(), '');
    for (let pid = 1; pid <= 150; pid++)
      process_(pid, Object.fromEntries(Array.from({ length: 10 }, (_, fd) => [fd, [log(), '01']])));
    const found = writersOf(log())!;
    expect(found.writers).toHaveLength(1500);
    expect(found.now).toBeGreaterThan(0);
  });

  it('are not known without /proc', () => {
    writeFileSync(log(), '');
    expect(existsSync(proc())).toBe(false);
    expect(writersOf(log())).toMatchObject({ whole: false, writers: [] });
  });
});
