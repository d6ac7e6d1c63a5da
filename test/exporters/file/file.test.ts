// Records as lines in a file: whole lines, rotated by us or moved away by others, and nothing half after a failure.
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryLater } from '../../../agent/core/exporter.ts';
import { batch } from '../store/batch.ts';
import { folder, never, open, parse } from './rig.ts';

const bodies = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line).body)
    : [];
const OK = { rejected: 0 };

describe('options', () => {
  it('are standard output without a path', () => {
    expect(parse({}).value).toEqual({
      path: '-',
      mode: 0o600,
      max_size: 100 * 2 ** 20,
      max_files: 5,
      fsync: false,
    });
  });
  it.each<[object, string]>([
    [{ path: 'relative.log' }, 'path: "relative.log" is not an absolute path, or "-"'],
    [{ path: '/a/directory/' }, 'path: "/a/directory/" is not'],
    [{ path: '/x', mode: 'rw' }, 'mode: '],
    [{ path: '/x', max_size: 5 }, 'max_size: '],
    [{ path: '/x', max_files: -1 }, 'max_files: '],
    [{ path: '/x', rotate: 5 }, 'unknown key "rotate"'],
  ])('refuse %j', (input, problem) => {
    expect(parse(input).problems).toEqual([expect.stringContaining(problem)]);
  });
});

it('appends a line a record, for the owner only', async () => {
  const path = join(folder(), 'all.ndjson');
  const { exporter } = await open({ path });
  expect(await exporter.deliver(batch({ body: 'a' }, { body: 'b\nc', service: 'db' }), never)).toEqual(OK);
  await exporter.deliver(batch({ body: 'd' }), never);
  expect(bodies(path)).toEqual(['a', 'b\nc', 'd']);
  expect(JSON.parse(readFileSync(path, 'utf8').split('\n')[1]!)).toMatchObject({
    service: 'db',
    time: '2027-01-15T08:00:00.000000000Z',
    severity: 'info',
    attributes: { 'process.pid': 42 },
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('takes the mode it is given, whatever the umask, and leaves that of a file that was there', async () => {
  const dir = folder();
  const { exporter } = await open({ path: join(dir, 'new'), mode: '0664' });
  await exporter.deliver(batch({ body: 'a' }), never);
  expect(statSync(join(dir, 'new')).mode & 0o777).toBe(0o664);
  writeFileSync(join(dir, 'old'), 'a line\n', { mode: 0o640 });
  const { exporter: other } = await open({ path: join(dir, 'old') });
  await other.deliver(batch({ body: 'a' }), never);
  expect(statSync(join(dir, 'old')).mode & 0o777).toBe(0o640);
});

describe('rotation by size', () => {
  it('keeps so many files, the newest first', async () => {
    const dir = folder();
    const path = join(dir, 'all');
    const { exporter } = await open({ path, max_size: '300B', max_files: 2 });
    // One line is longer than half of it: every batch has a file of its own.
    for (const body of ['a', 'b', 'c', 'd']) await exporter.deliver(batch({ body: body.repeat(50) }), never);
    expect(readdirSync(dir).sort()).toEqual(['all', 'all.1', 'all.2']);
    expect(['all', 'all.1', 'all.2'].map(name => bodies(join(dir, name))[0]![0])).toEqual(['d', 'c', 'b']);
  });
  it('comes in the middle of a batch, too: only a line that is longer alone exceeds it', async () => {
    const dir = folder();
    const path = join(dir, 'all');
    const { exporter } = await open({ path, max_size: '2000B', max_files: 100 });
    const texts = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(i === 20 ? 3000 : 50)}`);
    await exporter.deliver(batch({ body: 'before' }), never);
    await exporter.deliver(batch(...texts.map(body => ({ body }))), never);
    const files = readdirSync(dir).sort(
      (a, b) => Number(b.split('.')[1] ?? 0) - Number(a.split('.')[1] ?? 0),
    );
    expect(files.flatMap(name => bodies(join(dir, name)))).toEqual(['before', ...texts]);
    const long = files.filter(name => statSync(join(dir, name)).size > 2000);
    expect(long.map(name => bodies(join(dir, name)))).toEqual([[texts[20]]]);
  });
  it('keeps none where none is wanted', async () => {
    const dir = folder();
    const { exporter } = await open({ path: join(dir, 'all'), max_size: '300B', max_files: 0 });
    for (const body of ['a', 'b']) await exporter.deliver(batch({ body: body.repeat(50) }), never);
    expect(readdirSync(dir)).toEqual(['all']);
    expect(bodies(join(dir, 'all'))).toEqual(['b'.repeat(50)]);
  });
  it('0B leaves it to others', async () => {
    const dir = folder();
    const { exporter } = await open({ path: join(dir, 'all'), max_size: '0B' });
    for (const body of ['a', 'b']) await exporter.deliver(batch({ body: body.repeat(5000) }), never);
    expect(readdirSync(dir)).toEqual(['all']);
  });
});

describe('a file that others touch', () => {
  const cases: [name: string, act: (path: string) => void, left: string[]][] = [
    ['moved away', path => renameSync(path, `${path}.old`), ['b']],
    ['deleted', path => unlinkSync(path), ['b']],
    [
      'moved away and made anew',
      path => {
        renameSync(path, `${path}.old`);
        writeFileSync(path, '');
      },
      ['b'],
    ],
    ['truncated', path => truncateSync(path), ['b']],
    ['appended to', path => appendFileSync(path, '{"body":"x"}\n'), ['a', 'x', 'b']],
  ];
  it.each(cases)('%s: the next line goes to the path', async (_, act, left) => {
    const path = join(folder(), 'all');
    const { exporter } = await open({ path });
    await exporter.deliver(batch({ body: 'a' }), never);
    act(path);
    await exporter.deliver(batch({ body: 'b' }), never);
    expect(bodies(path)).toEqual(left);
    if (existsSync(`${path}.old`)) expect(bodies(`${path}.old`)).toEqual(['a']);
  });

  it('is closed on reopen', async () => {
    const path = join(folder(), 'all');
    const { exporter } = await open({ path });
    await exporter.deliver(batch({ body: 'a' }), never);
    const held = () =>
      readdirSync('/proc/self/fd').filter(fd => {
        try {
          return (
            readFileSync(`/proc/self/fdinfo/${fd}`) &&
            statSync(`/proc/self/fd/${fd}`).ino === statSync(path).ino
          );
        } catch {
          return false;
        }
      });
    expect(held()).toHaveLength(1);
    await exporter.reopen!();
    expect(held()).toHaveLength(0);
  });
});

describe('half lines', () => {
  it.each<[string, string, string[]]>([
    ['behind whole ones', '{"body":"a"}\n{"bo', ['a', 'new']],
    ['alone', '{"bo', ['new']],
    ['longer than a look', `{"body":"a"}\n${'x'.repeat(200_000)}`, ['a', 'new']],
    ['none', '{"body":"a"}\n', ['a', 'new']],
  ])('that a crash left %s are cut off', async (_, text, expected) => {
    const path = join(folder(), 'all');
    writeFileSync(path, text);
    const { exporter } = await open({ path });
    await exporter.deliver(batch({ body: 'new' }), never);
    expect(bodies(path)).toEqual(expected);
  });
});

describe('what cannot be written', () => {
  it('comes again when it can', async () => {
    const dir = folder();
    const path = join(dir, 'sub', 'all');
    const { exporter } = await open({ path });
    const given = batch({ body: 'a' });
    const error = await exporter.deliver(given, never).catch(caught => caught);
    expect(error).toBeInstanceOf(RetryLater);
    expect(error).toMatchObject({
      reason: 'write_failed',
      message: `cannot write file "${path}": no such file or directory`,
    });
    writeFileSync(join(dir, 'sub'), '');
    await expect(exporter.deliver(given, never)).rejects.toThrow('not a directory');
    rmSync(join(dir, 'sub'));
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(dir, 'sub'));
    expect(await exporter.deliver(given, never)).toEqual(OK);
    expect(bodies(path)).toEqual(['a']);
  });

  it('/dev/full is a full disk', async () => {
    const { exporter } = await open({ path: '/dev/full' });
    await expect(exporter.deliver(batch({ body: 'a' }), never)).rejects.toMatchObject({
      reason: 'disk_full',
    });
  });

  it('is given up when it is no batch, and handed back', async () => {
    const { exporter } = await open({ path: join(folder(), 'all') });
    const damaged = { bytes: Uint8Array.of(0x0a, 99), records: 3 };
    expect(await exporter.deliver(damaged, never)).toMatchObject({
      rejected: 3,
      reason: 'undecodable',
      refused: [damaged],
    });
  });
});

it('random batches, renames, truncations and reopenings: every line whole, every record once', async () => {
  const action = fc.oneof(
    fc.record({ do: fc.constant('write' as const), n: fc.integer({ min: 1, max: 5 }) }),
    fc.record({
      do: fc.constantFrom('move' as const, 'reopen' as const, 'link' as const),
      n: fc.constant(0),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), async actions => {
      const dir = folder();
      const path = join(dir, 'all');
      const { exporter } = await open({ path, max_size: '600B', max_files: 1000 });
      let [next, moved] = [0, 0];
      for (const { do: what, n } of actions) {
        if (what === 'write')
          await exporter.deliver(
            batch(...Array.from({ length: n }, () => ({ body: String(next++) }))),
            never,
          );
        else if (what === 'reopen') await exporter.reopen!();
        else if (existsSync(path)) {
          renameSync(path, join(dir, `moved.${moved++}`));
          if (what === 'link') symlinkSync(join(dir, `target.${moved}`), path);
        }
      }
      const all = readdirSync(dir).flatMap(name =>
        statSync(join(dir, name), { throwIfNoEntry: false }) ? [name] : [],
      );
      const seen = new Map(all.map(name => [statSync(join(dir, name)).ino, bodies(join(dir, name))]));
      const numbers = [...seen.values()]
        .flat()
        .map(Number)
        .sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: next }, (_, i) => i));
      await exporter.close();
      rmSync(dir, { recursive: true });
    }),
    { numRuns: 60 },
  );
});
