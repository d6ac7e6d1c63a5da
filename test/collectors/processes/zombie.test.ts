// Processes that nobody has waited for: pidfds and looks tell how they ended all the same.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Exit } from '../../../agent/core/daemon.ts';
import { parseStat } from '../../../agent/core/procstat.ts';
import { loadNative } from '../../../agent/native/index.ts';
import type { ExitRoom, ExitSource } from '../../../collectors/processes/exits.ts';
import { watchByPidfd } from '../../../collectors/processes/exits-pidfd.ts';
import { watchBySample } from '../../../collectors/processes/exits-sample.ts';
import type { Kin } from '../../../collectors/processes/lineage.ts';
import { parseZombie, zombieStatus } from '../../../collectors/processes/zombie.ts';
import { have } from '../../tools.ts';

/** Fields 3 to 52 behind any name, those that matter given. */
const stat = (state: string, start: number, status: number | string) =>
  `7 (a) Z (b)) ${state} ${Array.from({ length: 18 }, (_, i) => i).join(' ')} ${start} ${'0 '.repeat(29)}${status}\n`;

it.each([
  ['a zombie', stat('Z', 99, 768), 768],
  ['one that dies', stat('X', 99, 139), 139],
  ['one that lives', stat('S', 99, 768), undefined],
  ['another of that number', stat('Z', 98, 768), undefined],
  ['a kernel that does not tell', stat('Z', 99, '').trimEnd(), undefined],
  ['nothing', '', undefined],
])('%s', (_, text, status) => expect(parseZombie(text, 99)).toBe(status));

const lookAt = (pid: number) => {
  const bytes = readFileSync(`/proc/${pid}/stat`);
  return parseStat(bytes, bytes.length)!;
};

/** A child of perl(1) that ends so when it hears a line, and is waited for by nobody. */
async function orphan(end: string): Promise<{ kin: Kin; end(): void }> {
  const script = `$| = 1; pipe R, W; if (my $p = fork) { print "$p\\n"; <STDIN>; close W; <STDIN> } else { close W; <R>; ${end} }`;
  const parent = spawn('perl', ['-e', script]);
  onTestFinished(() => void parent.kill('SIGKILL'));
  const pid = Number(await new Promise(told => parent.stdout.once('data', told)));
  const process = { pid, ppid: parent.pid!, startTicks: lookAt(pid).startTicks, comm: 'perl' };
  return {
    kin: { process, daemon: 'd', startedAt: 0, claimed: true },
    end: () => void parent.stdin.write('\n'),
  };
}

const room = (ended: ExitRoom['told']['ended']): ExitRoom => ({
  told: { began() {}, killed() {}, ended },
  now: () => 1_000_000,
  elapsed: () => 0,
  look: lookAt,
  zombie: process => zombieStatus('/', process),
  lookSoon() {},
});

const ENDS: [end: string, exit: Exit][] = [
  ['exit 3', { reason: 'exit', code: 3 }],
  ["kill 'SEGV', $$", { reason: 'signal', code: 11, signal: 'SIGSEGV' }],
];

if (have('perl')) {
  describe.each(ENDS)('%s', (how, exit) => {
    it('is told by its descriptor', async () => {
      const native = loadNative()!;
      const { kin, end } = await orphan(how);
      let source: ExitSource | undefined;
      const told = new Promise(told => {
        source = watchByPidfd(
          native,
          room((_, exit) => told(exit)),
        );
      });
      onTestFinished(() => source!.close());
      source!.seen(new Map([[kin.process.pid, kin]]), 0);
      end();
      expect(await told).toMatchObject({ ...exit, at: 1_000_000, source: 'pidfd' });
    });

    it('is told by the next look', async () => {
      const { kin, end } = await orphan(how);
      const told: Exit[] = [];
      const source = watchBySample(room((_, exit) => void told.push(exit)));
      source.seen(new Map([[kin.process.pid, kin]]), 0);
      end();
      await expect.poll(() => zombieStatus('/', kin.process)).toBeDefined();
      source.seen(new Map(), 5);
      expect(told).toMatchObject([{ ...exit, at: 5, source: 'sample' }]);
    });
  });

  it('of a living process there is nothing to tell', async () => {
    const { kin } = await orphan('exit 3');
    expect(zombieStatus('/', kin.process)).toBeUndefined();
  });
}

if (have('perl', 'setpriv', 'root'))
  it('whoever may not know takes nothing for a clean end', async () => {
    const { kin, end } = await orphan('exit 3');
    end();
    await expect.poll(() => zombieStatus('/', kin.process)).toBeDefined();
    const script = `import { zombieStatus } from '${new URL('../../../collectors/processes/zombie.ts', import.meta.url).pathname}';
      console.log(zombieStatus('/', ${JSON.stringify(kin.process)}));`;
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
    const child = spawn('setpriv', [...nobody, '--input-type=module', '-e', script]);
    const told = await new Promise(told => child.stdout.once('data', told));
    expect(String(told)).toBe('undefined\n');
  });
