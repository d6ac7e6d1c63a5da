// What a scheduler of Nagios plugins is told of a daemon; this very process is the daemon.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../agent/cli/config.ts';
import { probeDaemon } from '../../../agent/cli/probe.ts';
import { createHost } from '../../procfs.ts';

async function verdict(scripts: readonly string[], name = 'this', match = realpathSync(process.execPath)) {
  const home = mkdtempSync(join(tmpdir(), 'probe-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const file = join(home, 'e.yaml');
  const health = scripts.map((script, i) => ({ name: `c${i}`, exec: ['/bin/sh', '-c', script] }));
  writeFileSync(file, JSON.stringify({ daemons: { this: { match: { exe: match }, health } } }));
  return probeDaemon(await readConfig(file, {}), name);
}

it.each([
  [[], 0, /^OK: this - \d+ process(es)? \| procs=\d+$/],
  [
    ['echo "FINE | a=1"'],
    0,
    /^OK: this - \d+ process(es)?, c0 FINE in \d+ ms \| c0=\d+\.\d{3}s;;;0 procs=\d+$/,
  ],
  [['echo "DISK WARNING"; exit 1'], 1, /^WARNING: .*c0 DISK WARNING/],
  [['exit 1'], 1, /^WARNING: .*c0 exit 1 in/],
  [['exit 2'], 2, /^CRITICAL: /],
  [['exit 3'], 3, /^UNKNOWN: /],
  [['exit 77'], 2, /^CRITICAL: .*c0 exit 77/],
  [['exit 1', 'exit 3', 'exit 0'], 3, /^UNKNOWN: /],
  [['exit 3', 'exit 2'], 2, /^CRITICAL: /],
])('%j is %i', async (scripts, code, line) => {
  const told = await verdict(scripts);
  expect(told).toEqual({ code, line: expect.stringMatching(line) });
});

it('of a daemon whose first thread has ended the others count, one that is stopped serves nobody, one that waits for its parent does not, and one that is hidden is unknown', async () => {
  const host = createHost();
  onTestFinished(host.close);
  const file = join(host.root, 'e.yaml');
  const agent = { host_root: host.root };
  writeFileSync(file, JSON.stringify({ agent, daemons: { d: { match: { comm: 'd' } } } }));
  const line = async () => (await probeDaemon(await readConfig(file, {}), 'd')).line;
  host.run({ pid: 5, comm: 'd', state: 'Z', threads: 3 });
  expect(await line()).toBe('OK: d - 1 process | procs=1');
  host.run({ pid: 5, comm: 'd', state: 'T' });
  expect(await line()).toBe('CRITICAL: d - 1 process, stopped | procs=1');
  host.run({ pid: 5, comm: 'd', state: 'Z' });
  expect(await line()).toBe('CRITICAL: d - no process | procs=0');
  host.write('proc/self/stat', '');
  expect(await line()).toMatch(/^UNKNOWN: d - no process is seen: .* hides the processes of other users/);
});

it('whom a process of the daemon started that runs still is no instance, although its parent has ended', async () => {
  const host = createHost();
  onTestFinished(host.close);
  const file = join(host.root, 'e.yaml');
  const d = { match: { comm: 'd' }, expect: { instances: '== 2' } };
  writeFileSync(file, JSON.stringify({ agent: { host_root: host.root }, daemons: { d } }));
  for (const [pid, session] of [
    [5, 5],
    [6, 5],
    [7, 4],
  ] as const)
    host.run({ pid, session, comm: 'd' });
  expect((await probeDaemon(await readConfig(file, {}), 'd')).line).toBe('OK: d - 3 processes | procs=3');
});

it('a daemon that does not run is critical, one that is not declared unknown', async () => {
  expect(await verdict([], 'this', '/nowhere')).toEqual({
    code: 2,
    line: 'CRITICAL: this - no process | procs=0',
  });
  expect(await verdict([], 'thsi')).toEqual({
    code: 3,
    line: 'UNKNOWN: no daemon "thsi" is declared; did you mean "this"?',
  });
});
