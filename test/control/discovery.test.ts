// The daemons found on a host, from look to look.
import { expect, it } from 'vitest';
import { createDiscovery } from '../../agent/control/discovery.ts';
import type { DaemonSpec } from '../../agent/core/daemon.ts';

interface Found {
  readonly name: string;
  readonly exe: string;
  readonly pids: readonly number[];
  readonly logs: readonly string[];
  readonly ageMs: number;
}

function world() {
  const found: Found[] = [];
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent, room: () => log };
  const declare = (all: readonly Found[]) =>
    all.map(
      ({ name, exe, logs }) => ({ name, match: { exe }, logs: { files: logs } }) as unknown as DaemonSpec,
    );
  const discovery = createDiscovery({
    find: () => ({ daemons: found, unseen: 0 }),
    declare,
    write: all => Object.fromEntries(declare(all).map(spec => [spec.name, spec])),
    formerly: {},
    restore: () => [],
    log,
  });
  return {
    /** What is declared after a look that finds these. */
    look(...now: Omit<Found, 'ageMs' | 'name'>[]) {
      found.splice(0, Infinity, ...now.map(each => ({ name: 'd', ageMs: 0, ...each })));
      return discovery
        .extend({ agent: { discover: true }, daemons: [] as readonly DaemonSpec[] })
        .daemons.map(({ match, logs }) => [match.exe, logs.files]);
    },
  };
}

it('one that comes again as another file is that from then on, and keeps its logs', () => {
  const w = world();
  expect(w.look({ exe: '/d-1/d', pids: [5], logs: ['/a'] })).toEqual([['/d-1/d', ['/a']]]);
  expect(w.look()).toEqual([['/d-1/d', ['/a']]]);
  expect(w.look({ exe: '/d-2/d', pids: [6], logs: ['/b'] })).toEqual([['/d-2/d', ['/a', '/b']]]);
});

it('one that goes on stays what it was, whatever begins beside it', () => {
  const w = world();
  w.look({ exe: '/d', pids: [5, 6], logs: [] });
  expect(w.look({ exe: '/d.old', pids: [6, 7], logs: [] })).toEqual([['/d', []]]);
  expect(w.look({ exe: '/d.old', pids: [7], logs: [] })).toEqual([['/d', []]]);
});
