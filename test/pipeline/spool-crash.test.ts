// The spool is stopped at every operation, and within every write: what was written survives kill -9, what was synced
// survives power loss, and nothing that was delivered and remembered comes again.
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { disk, reset } from './disk.ts';
import { spoolRig } from './spool-rig.ts';

vi.mock('node:fs', async original => (await import('./disk.ts')).diskOf(await original()));

const { cpSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } =
  await vi.importActual<typeof import('node:fs')>('node:fs');

const rig = spoolRig('/dev/shm');
const { start, crash } = rig;
afterEach(reset);

const numbered = (n: number, size: number, mayWait: boolean) => ({
  bytes: Buffer.alloc(size, `${n},`),
  records: 1,
  mayWait,
});
const numbersOf = (bytes: Uint8Array) => Number.parseInt(Buffer.from(bytes).toString(), 10);

/** What can be taken from a spool, in order. */
function contentOf(name: string): number[] {
  const reader = start().spool.reader(name);
  const found: number[] = [];
  for (let taken = reader.take(1); taken; taken = reader.take(1)) {
    found.push(numbersOf(taken.bytes));
    reader.done(taken);
  }
  expect(reader.pending).toBe(0);
  return found;
}

/** What the outside had been told when the copy was made. */
interface Moment {
  readonly dir: string;
  readonly written: number;
  readonly synced: number;
  /** By exporter. */
  readonly delivered: ReadonlyMap<string, number>;
  /** As of its last cursor. */
  readonly remembered: ReadonlyMap<string, number>;
}

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

test.each([
  ['batches that are written at once', false],
  ['batches that may wait', true],
])('at every operation, and within every write: %s', async (_, mayWait) => {
  const moments: Moment[] = [];
  /** Bytes of a file the disk is known to keep. */
  const kept = new Map<string, number>();
  const done = new Map<string, number>();
  const remembered = new Map<string, number>();
  let written = 0;
  let synced = 0;
  const home = rig.dir;
  const copies = `${home}-copies`;

  const copy = (): string => {
    const dir = join(copies, String(moments.length));
    cpSync(home, dir, { recursive: true });
    return dir;
  };
  const remember = (dir: string) =>
    moments.push({ dir, written, synced, delivered: new Map(done), remembered: new Map(remembered) });
  /** Files end where the disk is known to have them: a power cut at its worst. */
  const unsynced = (dir: string) => {
    for (const name of readdirSync(dir)) {
      const size = kept.get(join(home, name)) ?? 0;
      if (name.endsWith('.seg') && statSync(join(dir, name)).size > size) truncateSync(join(dir, name), size);
    }
  };

  mkdirSync(copies);
  const { spool } = start({
    maxSize: 2 ** 21,
    onWritten: seq => {
      written = seq;
    },
  });
  const readers = ['one', 'two'].map(name => spool.reader(name));
  const tick = () => {
    remember(copy());
    const cut = copy();
    unsynced(cut);
    moments.push({ dir: cut, written: synced, synced, delivered: new Map(done), remembered: new Map() });
  };
  let sizeBefore = 0;
  disk.before = (change, path) => {
    tick();
    if (change === 'write') sizeBefore = statSync(path).size;
  };
  disk.after = (change, path) => {
    if (change === 'sync') kept.set(path, statSync(path).size);
    const owner = /cursor-(.+)\.json$/.exec(path)?.[1];
    if (change === 'rename' && owner) remembered.set(owner, done.get(owner) ?? 0);
    if (change === 'write') {
      // Killed in the middle of it, after any number of bytes.
      const bytes = statSync(path).size - sizeBefore;
      for (const through of [1, 4, 15, 16, 17, bytes >> 1, bytes - 1]) {
        const dir = copy();
        truncateSync(join(dir, path.slice(home.length)), sizeBefore + Math.min(through, bytes - 1));
        remember(dir);
      }
    }
    tick();
  };

  let appended = 0;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 3; i++) spool.append(numbered(++appended, 100_000 + i, mayWait));
    for (const [i, reader] of readers.entries()) {
      // The second is slower.
      for (let n = 0; n < 3 - i; n++) {
        const taken = reader.take(1);
        if (!taken) break;
        done.set(reader.name, numbersOf(taken.bytes));
        reader.done(taken);
      }
    }
    const before = written;
    synced = Math.max(synced, await spool.sync());
    expect(synced).toBeGreaterThanOrEqual(before);
  }
  reset();
  crash();
  expect(moments.length).toBeGreaterThan(200);

  const original = home;
  for (const { dir, written: reached, delivered, remembered: places } of moments) {
    rig.use(dir);
    for (const name of ['one', 'two']) {
      const content = contentOf(name);
      const from = (content[0] ?? reached + 1) as number;
      // In order, and with all that was written but for what was delivered and need not be written any more.
      expect(content).toEqual(content.toSorted((a, b) => a - b));
      const missing = range(from, reached).filter(n => !content.includes(n));
      if (!mayWait) expect(missing).toEqual([]);
      expect(Math.max(0, ...missing)).toBeLessThanOrEqual(delivered.get(name) ?? 0);
      // What was not delivered is there; what was remembered as delivered is not.
      if (content.length > 0) {
        expect(from).toBeLessThanOrEqual((done.get(name) ?? 0) + 1);
        expect(from).toBeGreaterThan(places.get(name) ?? 0);
      }
    }
    crash();
    rmSync(dir, { recursive: true });
  }
  rig.use(original);
  rmSync(copies, { recursive: true });
});
