// How often the collector wakes: not at all without sources, with the tick alone where all is quiet and hints come.
import { appendFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RecordSink, Stream } from '../../../agent/core/collector.ts';
import { create } from '../../../collectors/files/index.ts';
import { DEFAULTS } from '../../../collectors/files/options.ts';
import { Rig, received } from './rig.ts';

let hint: (path?: string) => void = () => {};
vi.mock('../../../collectors/files/watch.ts', () => ({
  createHints(_root: string, _log: unknown, wake: typeof hint) {
    hint = wake;
    return { watch() {}, close() {} };
  },
}));

let rig: Rig;
let stream: Stream;
let seen: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  // Looks that cost more come less often.
  vi.spyOn(process, 'threadCpuUsage').mockReturnValue({ user: 0, system: 0 });
  rig = new Rig();
  seen = [];
});
afterEach(async () => {
  await stream.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  rig.remove();
});

async function open(...include: string[]): Promise<void> {
  const entries = include.map(glob => ({
    ...DEFAULTS,
    start_at: 'beginning' as const,
    include: [rig.path(glob)],
  }));
  stream = create(entries, rig.room);
  await stream.open({
    get pushed() {
      return seen.length;
    },
    push(record) {
      seen.push(String(received(record).body));
      return true;
    },
    drop() {},
    lost() {},
    settle() {},
  } satisfies RecordSink);
}

const STEP_MS = 10;
function pass(ms: number): void {
  for (const end = rig.now + ms; rig.now < end; ) {
    rig.now += STEP_MS;
    vi.advanceTimersByTime(STEP_MS);
  }
}
const sleeps = () => vi.getTimerCount() === 0;
const write = (name: string, line: string) => appendFileSync(rig.path(name), `${line}\n`);

it('without files to follow it sleeps', async () => {
  await open();
  expect(sleeps()).toBe(true);
  stream.tick!();
  expect(sleeps()).toBe(true);
});

describe('a file that has been quiet', () => {
  beforeEach(async () => {
    write('a.log', 'first');
    await open('*.log');
    pass(9_000);
    expect([seen, sleeps()]).toEqual([['first'], false]);
    pass(2_000);
    expect(sleeps()).toBe(true);
  });

  it('is looked at with the tick, and by the clock once it changed without a hint', () => {
    pass(60_000);
    write('a.log', 'unhinted');
    pass(60_000);
    expect(seen).toEqual(['first']);
    stream.tick!();
    expect(seen).toEqual(['first', 'unhinted']);
    pass(60_000);
    write('a.log', 'by the clock');
    pass(250);
    expect(seen).toEqual(['first', 'unhinted', 'by the clock']);
    pass(600_000);
    expect(sleeps()).toBe(true);
  });

  it.each<[string, () => void]>([
    [
      'it changed',
      () => {
        write('a.log', 'hinted');
        hint(rig.path('a.log'));
      },
    ],
    [
      'another is there',
      () => {
        write('b.log', 'hinted');
        hint();
      },
    ],
    [
      'it was rotated',
      () => {
        renameSync(rig.path('a.log'), rig.path('a.log.1'));
        write('a.log', 'hinted');
        hint(rig.path('a.log'));
      },
    ],
  ])('is read at once when a hint tells that %s, and left alone again', (_, change) => {
    pass(60_000);
    change();
    pass(30);
    expect(seen).toEqual(['first', 'hinted']);
    for (let seconds = 0; seconds < 11; seconds++) {
      pass(1000);
      stream.tick!();
    }
    expect(sleeps()).toBe(true);
  });
});
