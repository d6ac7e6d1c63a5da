// Whoever manages a daemon is asked while it does not run: what systemd says, and what a pidfile says by being there.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DaemonSpec, ManagerWord, MatchSpec } from '../../../agent/core/daemon.ts';
import { createManagers, type Managers } from '../../../collectors/processes/managers.ts';
import { parseUnit, serviceIn } from '../../../collectors/processes/parse-unit.ts';
import { tempDir } from '../../e2e/program.ts';

const state = (...lines: string[]) => `${['LoadState=loaded', ...lines].join('\n')}\n`;

it.each([
  ['stopped', state('ActiveState=inactive', 'SubState=dead', 'Result=success'), true, 'inactive (dead)'],
  [
    'failed',
    state('ActiveState=failed', 'SubState=failed', 'Result=core-dump', 'NRestarts=5'),
    false,
    'failed (failed), result core-dump, restarted 5 times',
  ],
  [
    'between restarts',
    state('ActiveState=activating', 'SubState=auto-restart', 'Result=exit-code'),
    false,
    'activating (auto-restart), result exit-code',
  ],
  [
    'inactive after a failure',
    state('ActiveState=inactive', 'SubState=dead', 'Result=oom-kill'),
    false,
    'inactive (dead), result oom-kill',
  ],
  ['without a result', state('ActiveState=inactive', 'SubState=dead'), true, 'inactive (dead)'],
])('systemd: %s', (_, text, stopped, says) =>
  expect(parseUnit(text)).toMatchObject({ by: 'systemd', stopped, says }),
);

it.each(['LoadState=not-found\nActiveState=inactive\n', '', 'ActiveState=\n', 'Failed to connect to bus'])(
  'systemd: nothing from %j',
  text => expect(parseUnit(text)).toBeUndefined(),
);

it.each([
  ['0::/system.slice/nginx.service\n', 'nginx.service'],
  ['1:name=systemd:/system.slice/a@b.service/sub\n', 'a@b.service'],
  ['0::/user.slice/session-1.scope\n', undefined],
  ['', undefined],
])('service in %j', (text, unit) => expect(serviceIn(text)).toBe(unit));

const NONE = new Map();
const RUNNING = new Map([
  [
    'd',
    [
      { pid: 5, claimed: true },
      { pid: 6, claimed: false },
    ],
  ],
]);

function world(match: MatchSpec, show?: (unit: string) => Promise<string>) {
  const root = tempDir('managers');
  const words: (ManagerWord | undefined)[] = [];
  const debugged: string[] = [];
  let at = 0;
  const asked = createManagers(
    {
      root,
      daemons: { declared: [{ name: 'd', match } as DaemonSpec] },
      reports: { managed: (_, __, word) => void words.push(word) },
      elapsed: () => at,
      log: { debug: text => void debugged.push(text) },
    },
    show,
  );
  const managers: Managers = {
    seen(found, ms) {
      at = ms;
      asked.seen(found, ms);
    },
    ended(daemon, ms) {
      at = ms;
      asked.ended(daemon, ms);
    },
  };
  return { root, managers, debugged, told: () => words.splice(0) };
}

it('asks the pidfile of a daemon that was not there in this life, too', () => {
  const w = world({ pidfile: '/d.pid' });
  w.managers.seen(NONE, 0);
  expect(w.told()).toEqual([{ by: 'pidfile', stopped: true, says: '/d.pid is gone' }]);
});

it('tells a pidfile that was taken away from one that was left', () => {
  const w = world({ pidfile: '/d.pid' });
  const path = join(w.root, 'd.pid');
  writeFileSync(path, '5\n');
  w.managers.seen(RUNNING, 0);
  expect(w.told()).toEqual([undefined]);
  w.managers.ended('d', 1);
  w.managers.seen(NONE, 2);
  expect(w.told().map(word => word?.stopped)).toEqual([false, false]);
  rmSync(path);
  w.managers.seen(NONE, 3);
  expect(w.told()).toEqual([{ by: 'pidfile', stopped: true, says: '/d.pid is gone' }]);
  w.managers.seen(RUNNING, 4);
  expect(w.told()).toEqual([undefined]);
});

it.each<[what: string, content: string | undefined, says: string]>([
  ['of a process that has ended', '5\n', 'is stale: process 5 has ended'],
  ['of one whose parent has not noticed yet', '7\n', 'is stale: process 7 has ended'],
  ['of somebody else', '6\r\n', 'names process 6 (other d), which is not this daemon'],
  ['that is empty', '', 'names no process'],
  ['that is none', 'nobody\n', 'names no process'],
  ['that is a directory', undefined, 'cannot be read: is a directory'],
])('tells of a pidfile %s', (_, content, says) => {
  const w = world({ pidfile: '/d.pid' });
  const path = join(w.root, 'd.pid');
  if (content === undefined) mkdirSync(path);
  else writeFileSync(path, content);
  for (const [pid, state] of [
    [6, 'S'],
    [7, 'Z'],
  ]) {
    mkdirSync(join(w.root, `proc/${pid}`), { recursive: true });
    writeFileSync(join(w.root, `proc/${pid}/stat`), `${pid} (other d) ${state}${' 1'.repeat(49)}\n`);
  }
  w.managers.seen(NONE, 0);
  expect(w.told()).toEqual([{ by: 'pidfile', stopped: false, says: `/d.pid ${says}` }]);
});

it('asks systemd soon after an end, then once a minute, and not about what runs', async () => {
  const asked: string[] = [];
  const w = world({ systemd_unit: 'd' }, async unit => {
    asked.push(unit);
    return state('ActiveState=inactive', 'SubState=dead', 'Result=success');
  });
  w.managers.seen(RUNNING, 0);
  w.managers.ended('d', 100_000);
  w.managers.seen(NONE, 100_500);
  expect(asked).toEqual([]);
  for (const at of [101_000, 110_000, 160_000, 161_000]) w.managers.seen(NONE, at);
  expect(asked).toEqual(['d', 'd']);
  await Promise.resolve();
  expect(w.told().at(-1)).toMatchObject({ stopped: true, result: 'success' });
});

it('takes no answer that comes when it runs again', async () => {
  const w = world({ systemd_unit: 'd' }, async () => state('ActiveState=inactive'));
  w.managers.seen(NONE, 0);
  w.managers.seen(RUNNING, 1);
  await Promise.resolve();
  await Promise.resolve();
  expect(w.told()).toEqual([undefined]);
});

it('says so where it cannot be asked', async () => {
  const w = world({ systemd_unit: 'd' }, async () => {
    throw new Error('timed out');
  });
  w.managers.seen(NONE, 0);
  await expect.poll(() => w.debugged).toEqual(['cannot ask systemd about unit "d": timed out']);
  expect(w.told()).toEqual([]);
});
