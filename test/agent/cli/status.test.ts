// What `eudaemon status` says where there is nothing to show, and what it does not take.
import { expect, it } from 'vitest';
import { details, status, table } from '../../../agent/cli/status.ts';
import { UsageError } from '../../../agent/core/errors.ts';
import type { DaemonView } from '../../../console/api.ts';

it('says that there is nothing to watch, whether nothing is declared or nothing was found', () => {
  expect(table([], 0, (_, text) => text)).toBe('there are no daemons to watch\n');
});

it.each([
  [undefined, 'DAEMON  STATE    SINCE  INST  CPU    MEMORY   FDS  RESTARTS  CHECKS  LAST LOG'],
  [77, 'DAEMON  STATE    SINCE  INST  CPU    MEMORY   FDS  RESTARTS  CHECKS  LAST LOG'],
  [76, 'DAEMON  STATE    SINCE  INST  CPU    MEMORY   RESTARTS  CHECKS  LAST LOG'],
  [40, 'DAEMON  STATE    CPU    MEMORY   CHECKS'],
  [5, 'DAEMON  STATE'],
])('in %s columns the table has %s', (room, heads) => {
  const daemon = {
    ...{ name: 'd', state: 'healthy', stateSince: 0, instances: [], checks: [], restarts: 0 },
    ...{ cpu: 0.25, memory: 1024, lastLogAt: 0 },
  } as unknown as DaemonView;
  const lines = table(
    [daemon],
    0,
    (color, text) => (color === 'green' ? `\u001b[32m${text}\u001b[0m` : text),
    room,
  );
  expect(lines.split('\n')[0]).toBe(heads);
});

it('says nothing of what an absent daemon uses', () => {
  const absent = { name: 'd', state: 'absent', instances: [], checks: [], expectations: [], exhaustion: {} };
  const told = (more: object) =>
    details(
      { ...absent, ...more } as unknown as DaemonView,
      { certificates: [], endpoints: undefined },
      0,
      (_, text) => text,
    );
  expect(told({})).not.toContain('usage');
  expect(told({ memory: 2048, openFds: 7, threads: 2 })).toMatch(
    /usage +memory 2\.0 KiB, fds 7, threads 2\n/,
  );
  expect(told({ cpu: 0.5, openFds: 7, fdUsage: 0.25 })).toMatch(/usage +cpu 50\.0%, fds 7 \(25\.0% of/);
});

it('shows one daemon at a time', async () => {
  await expect(status.run(['nginx', 'redis'])).rejects.toThrow(
    new UsageError('status: one daemon at a time, not "nginx redis"'),
  );
});

it('what a check, a manager or a person says cannot steer the terminal', () => {
  const said = '\u001b[2Jgone';
  const daemon = {
    ...{
      name: 'd',
      state: 'absent',
      stateSince: 0,
      instances: [],
      restarts: 0,
      exhaustion: {},
      expectations: [],
    },
    manager: said,
    expectedDown: { since: 0, reason: said },
    checks: [{ name: 'web', healthy: false, message: said }],
  } as unknown as DaemonView;
  const text = details(daemon, { certificates: [], endpoints: undefined }, 0, (_, text) => text);
  expect(text).not.toContain('\u001b');
  expect(text.match(/\\x1b\[2Jgone/g)).toHaveLength(3);
});
