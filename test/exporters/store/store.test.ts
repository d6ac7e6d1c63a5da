// The store as an exporter: what was delivered stands in files, bounded by size and age, across crashes.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { formats } from '../../../agent/config/patterns.ts';
import { RetryLater } from '../../../agent/core/exporter.ts';
import { logs } from '../../../exporters/store/index.ts';
import { options } from '../../../exporters/store/options.ts';
import { query } from '../../../exporters/store/query.ts';
import { find, have } from '../../tools.ts';
import { batch, bodies, createRoom, scratch, segments } from './batch.ts';

const signal = new AbortController().signal;
const MIB = 2 ** 20;
const HOUR = 3_600_000;
const DEFAULTS = { retention: 24 * HOUR, max_size: 2 ** 30 };

it('takes a day and a gibibyte where the file is silent', () => {
  const problems: string[] = [];
  const checker = { problem: (_: unknown, message: string) => problems.push(message), formats };
  expect(options.parse({}, [], checker)).toEqual(DEFAULTS);
  expect(options.parse({ retention: '7d', max_size: '2GiB' }, [], checker)).toEqual({
    retention: 7 * 24 * HOUR,
    max_size: 2 ** 31,
  });
  expect(problems).toEqual([]);
  options.parse({ retention: '1s', max_size: '1KiB' }, [], checker);
  expect(problems).toHaveLength(2);
});

it('stores records in order, readable by the owner alone', async () => {
  const { room, meter } = createRoom();
  const store = await logs(DEFAULTS, room);
  expect(store.concurrency).toBe(1);
  expect(
    await store.deliver(batch({ body: 'a' }, { body: 'b', service: 'db', severity: 17 }), signal),
  ).toEqual({
    rejected: 0,
  });
  await store.deliver(batch({ body: 'c' }), signal);
  await store.close();
  expect(segments(room.stateDir)).toEqual(['logs-1800000000000.ndjson']);
  const path = join(room.stateDir, 'logs-1800000000000.ndjson');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(bodies(room.stateDir)).toEqual(['a', 'b', 'c']);
  expect(JSON.parse(readFileSync(path, 'utf8').split('\n')[1]!)).toEqual({
    time: '2027-01-15T08:00:00.000000000Z',
    observed: '2027-01-15T08:00:00.000000000Z',
    service: 'db',
    host: 'box',
    severity: 'err',
    severity_number: 17,
    body: 'b',
    attributes: { 'process.pid': 42 },
  });
  const [size] = [...meter.families()].flatMap(family => [...family.points]);
  expect(size!.value).toBe(statSync(path).size);
});

it('stores the records of several daemons in the order they came in', async () => {
  const { room } = createRoom();
  const store = await logs(DEFAULTS, room);
  const at = 1_800_000_000;
  const given = [
    { body: 'a', service: 'web', at },
    { body: 'b', service: 'db', at: at + 1 },
    { body: 'c', service: 'web', at: at + 2 },
    { body: 'd', service: 'db', at: at + 2 },
  ];
  await store.deliver(batch(...given), signal);
  await store.close();
  expect(bodies(room.stateDir)).toEqual(['a', 'b', 'c', 'd']);
});

it('rejects a batch that cannot be read, and takes the next', async () => {
  const { room, logged } = createRoom();
  const store = await logs(DEFAULTS, room);
  const broken = { bytes: Uint8Array.of(10, 200, 1), records: 7 };
  expect(await store.deliver(broken, signal)).toEqual({ rejected: 7, reason: 'undecodable' });
  expect(logged).toEqual([expect.stringMatching(/^cannot store a batch of 7 records: /)]);
  await store.deliver(batch({ body: 'good' }), signal);
  await store.close();
  expect(bodies(room.stateDir)).toEqual(['good']);
});

it('fails to start where it cannot write', async () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '');
  await expect(logs(DEFAULTS, createRoom(file).room)).rejects.toThrow(/EEXIST|ENOTDIR/);
});

describe('after a crash', () => {
  const left = async (text: string) => {
    const { room } = createRoom();
    writeFileSync(join(room.stateDir, 'logs-1700000000000.ndjson'), text);
    const store = await logs({ ...DEFAULTS, retention: 10 * 365 * 24 * HOUR }, room);
    await store.deliver(batch({ body: 'next' }), signal);
    await store.close();
    return bodies(room.stateDir);
  };

  it.each([
    ['nothing', '', ['next']],
    ['a whole line', '{"body":"whole"}\n', ['whole', 'next']],
    ['a torn line behind it', '{"body":"whole"}\n{"body":"to', ['whole', 'next']],
    ['a torn line alone', '{"body":"to', ['next']],
    ['a long torn line', `{"body":"whole"}\n${'x'.repeat(700_000)}`, ['whole', 'next']],
  ])('takes up %s', async (_, text, expected) => {
    expect(await left(text)).toEqual(expected);
  });

  it('takes up what a killed writer wrote, and leaves files of others alone', async () => {
    const { room } = createRoom();
    const patient = { ...DEFAULTS, retention: 10 * 365 * 24 * HOUR };
    const killed = await logs(patient, room);
    await killed.deliver(batch({ body: 'before' }), signal);
    const path = join(room.stateDir, segments(room.stateDir)[0]!);
    appendFileSync(path, '{"torn');
    writeFileSync(join(room.stateDir, 'logs-notes.txt'), 'mine');
    const store = await logs(patient, room);
    await store.deliver(batch({ body: 'after' }), signal);
    await store.close();
    await killed.close();
    expect(readFileSync(join(room.stateDir, 'logs-notes.txt'), 'utf8')).toBe('mine');
    expect(
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).body),
    ).toEqual(['before', 'after']);
  });
});

describe('retention', () => {
  it('keeps within the space, dropping the oldest', async () => {
    const { room, clock, meter } = createRoom();
    const store = await logs({ ...DEFAULTS, max_size: 8 * MIB }, room);
    for (let i = 0; i < 200; i++) {
      await store.deliver(batch({ body: `${i} ${'x'.repeat(100_000)}` }), signal);
      const total = segments(room.stateDir)
        .map(name => statSync(join(room.stateDir, name)).size)
        .reduce((a, b) => a + b);
      expect(total).toBeLessThanOrEqual(8 * MIB);
      clock.now += 1;
    }
    await store.close();
    const kept = bodies(room.stateDir).map(body => Number.parseInt(body, 10));
    // Whole segments go, a sixteenth of the space each.
    expect(kept.length).toBeGreaterThan(70);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 200 - kept.length + i));
    const [size] = [...meter.families()].flatMap(family => [...family.points]);
    expect(size!.value).toBeGreaterThan(7 * MIB);
  });

  it('takes a batch larger than a segment', async () => {
    const { room } = createRoom();
    const store = await logs({ ...DEFAULTS, max_size: 8 * MIB }, room);
    await store.deliver(batch({ body: 'y'.repeat(3 * MIB) }), signal);
    await store.deliver(batch({ body: 'small' }), signal);
    await store.close();
    expect(bodies(room.stateDir).map(body => body.length)).toEqual([3 * MIB, 5]);
  });

  it('keeps within the time', async () => {
    const { room, clock } = createRoom();
    const store = await logs(DEFAULTS, room);
    for (let hour = 0; hour < 60; hour++) {
      await store.deliver(batch({ body: String(hour) }), signal);
      clock.now += HOUR;
    }
    await store.close();
    expect(bodies(room.stateDir).map(Number)).toEqual(Array.from({ length: 25 }, (_, i) => 35 + i));
  });

  it('does not mix up segments when the clock is set back', async () => {
    const { room, clock } = createRoom();
    const store = await logs(DEFAULTS, room);
    for (const step of [0, 2 * HOUR, -100 * HOUR, 2 * HOUR]) {
      clock.now += step;
      await store.deliver(batch({ body: String(step) }), signal);
    }
    await store.close();
    expect(bodies(room.stateDir)).toEqual(['0', String(2 * HOUR), String(-100 * HOUR), String(2 * HOUR)]);
  });

  it.each([
    { life: 'one', again: false },
    { life: 'two', again: true },
  ])(
    'goes on rolling and expiring when the clock was a year ahead for a while, in $life',
    async ({ again }) => {
      const { room, clock } = createRoom();
      let store = await logs(DEFAULTS, room);
      clock.now += 365 * 24 * HOUR;
      await store.deliver(batch({ body: '-1' }), signal);
      clock.now -= 365 * 24 * HOUR;
      if (again) {
        await store.close();
        store = await logs(DEFAULTS, room);
      }
      for (let hour = 0; hour < 60; hour++) {
        await store.deliver(batch({ body: String(hour) }), signal);
        clock.now += HOUR;
      }
      await store.close();
      expect(bodies(room.stateDir).map(Number)).toEqual(Array.from({ length: 25 }, (_, i) => 35 + i));
      expect(segments(room.stateDir)).toHaveLength(25);
    },
  );

  it('finds by time what was written before and after the clock was set back', async () => {
    const { room, clock } = createRoom();
    const store = await logs(DEFAULTS, room);
    const begin = clock.now;
    const write = async (hours: number) => {
      clock.now = begin + hours * HOUR;
      await store.deliver(batch({ body: String(hours), at: clock.now / 1000 }), signal);
    };
    for (const hours of [0, 0.5, 0.9, -3, -2, -1, 0.2, 0.7]) await write(hours);
    await store.close();
    for (const since of [-3, -1.5, 0.1, 0.6, 0.8]) {
      const found = await Array.fromAsync(query(room.stateDir, { since: begin + since * HOUR }));
      const wanted = [0, 0.5, 0.9, -3, -2, -1, 0.2, 0.7].filter(hours => hours >= since);
      expect([since, found.map(({ record }) => Number(record.body))]).toEqual([since, wanted]);
    }
  });

  it('goes on elsewhere when its newest segment, or all, is deleted under it', async () => {
    const { room } = createRoom();
    const store = await logs(DEFAULTS, room);
    await store.deliver(batch({ body: 'a' }), signal);
    unlinkSync(join(room.stateDir, segments(room.stateDir)[0]!));
    await store.deliver(batch({ body: 'b' }), signal);
    expect(bodies(room.stateDir)).toEqual(['b']);
    rmSync(room.stateDir, { recursive: true });
    await store.deliver(batch({ body: 'c' }), signal);
    await store.close();
    expect(bodies(room.stateDir)).toEqual(['c']);
  });

  it('of a batch larger than all its space keeps the end, and says how many it left out', async () => {
    const { room } = createRoom();
    const store = await logs({ ...DEFAULTS, max_size: 8 * MIB }, room);
    await store.deliver(batch({ body: 'before' }), signal);
    const bodiesGiven = Array.from({ length: 12 }, (_, i) => ({
      body: String.fromCharCode(97 + i).repeat(MIB),
    }));
    expect(await store.deliver(batch(...bodiesGiven), signal)).toEqual({ rejected: 5, reason: 'too_large' });
    expect(bodies(room.stateDir).map(body => body[0])).toEqual([...'fghijkl']);
    expect(await store.deliver(batch({ body: '\n'.repeat(5 * MIB) }), signal)).toEqual({
      rejected: 1,
      reason: 'too_large',
    });
    await store.deliver(batch({ body: 'after' }), signal);
    await store.close();
    const sizes = segments(room.stateDir).map(name => statSync(join(room.stateDir, name)).size);
    expect(sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(8 * MIB);
    expect(bodies(room.stateDir).at(-1)).toBe('after');
  });

  it('counts what an earlier run left, by the age of its last line', async () => {
    const { room, clock } = createRoom();
    for (const [start, written] of [
      [1_700_000_000_000, clock.now - 25 * HOUR],
      [1_700_000_000_001, clock.now - 23 * HOUR],
    ] as const) {
      const path = join(room.stateDir, `logs-${start}.ndjson`);
      writeFileSync(path, `{"body":"${start}"}\n`);
      utimesSync(path, written / 1000, written / 1000);
    }
    const store = await logs(DEFAULTS, room);
    await store.deliver(batch({ body: 'now' }), signal);
    await store.close();
    expect(bodies(room.stateDir)).toEqual(['1700000000001', 'now']);
  });

  it('deletes what grows too old while nothing comes, to the last', async () => {
    const { room, clock, logged } = createRoom();
    const store = await logs(DEFAULTS, room);
    await store.deliver(batch({ body: 'old' }), signal);
    clock.now += 24 * HOUR + 1;
    store.tick!();
    await vi.waitUntil(() => segments(room.stateDir).length === 0);
    await store.deliver(batch({ body: 'new' }), signal);
    await store.close();
    expect(bodies(room.stateDir)).toEqual(['new']);
    expect(logged).toEqual([]);
  });
});

if (have('root', 'mount'))
  it('keeps a batch for later while the disk is full, and leaves no torn line', async () => {
    const directory = scratch();
    execFileSync(find('mount')!, ['-t', 'tmpfs', '-o', 'size=1m', 'none', directory]);
    try {
      const stateDir = join(directory, 'store');
      mkdirSync(stateDir);
      const { room } = createRoom(stateDir);
      const store = await logs(DEFAULTS, room);
      await store.deliver(batch({ body: 'first' }), signal);
      const large = batch({ body: 'z'.repeat(2 * MIB) });
      const refusal = await store.deliver(large, signal).catch(error => error);
      expect(refusal).toBeInstanceOf(RetryLater);
      expect(refusal).toMatchObject({
        reason: 'disk_full',
        message: `cannot write store "${stateDir}": no space left on device`,
      });
      await store.deliver(batch({ body: 'second' }), signal);
      await store.close();
      expect(bodies(stateDir)).toEqual(['first', 'second']);
    } finally {
      execFileSync(find('umount')!, [directory]);
    }
  });
