// Checks as a whole: programs as probes, thresholds, series, order, and the end of the agent.

import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import { startChecks } from './room.ts';

const sh = (script: string, ...args: string[]) => ['/bin/sh', '-c', script, 'check', ...args];
const probe = (check: Partial<CheckSpec>) => startChecks([{ name: 'it', ...check }]).run();
const scratch = () => mkdtempSync(join(tmpdir(), 'health-'));

/** Waits until the condition holds; the deadline is the test's. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5));
}

describe('exec', () => {
  it.each<[what: string, script: string, healthy: boolean, message: string | RegExp]>([
    ['ok', 'echo "DISK OK - 3 GB free | /=2643MB;5948;5958;0;5968"', true, 'DISK OK - 3 GB free'],
    ['ok without a word', 'exit 0', true, 'exit 0 (ok)'],
    ['a warning is up', 'echo "DISK WARNING"; exit 1', true, 'DISK WARNING'],
    ['a failure of what is no plugin', 'exit 1', false, 'exit 1'],
    ['critical', 'echo "DISK CRITICAL"; exit 2', false, 'DISK CRITICAL'],
    ['unknown', 'exit 3', false, 'exit 3 (unknown)'],
    ['a status beyond the convention', 'exit 77', false, 'exit 77'],
    ['a word on stderr only', 'echo "no such host" >&2; exit 2', false, 'no such host'],
    ['the first line only', 'printf "\\none\\ntwo\\n"', true, 'one'],
    ['control characters', 'printf "a\\033[31mb\\000c\\n"', true, 'a [31mb c'],
    ['a signal', 'kill -TERM $$', false, 'ended by SIGTERM'],
    ['an empty stdin', 'cat; echo done', true, 'done'],
    [
      'no environment but PATH',
      'env | cut -d= -f1 | grep -cvE "^(PATH|LC_ALL|PWD|SHLVL|_|OLDPWD)$" || :',
      true,
      '0',
    ],
  ])('%s', async (_, script, healthy, message) => {
    const report = await probe({ exec: sh(script) });
    expect(report.message).toMatch(message);
    expect(report.healthy).toBe(healthy);
  });

  it('has no shell between', async () => {
    expect(await probe({ exec: ['/bin/echo', '$(id) ; *'] })).toMatchObject({ message: '$(id) ; *' });
  });

  it('keeps the beginning of a flood, and lets it end', async () => {
    const report = await probe({ exec: sh('yes flood | head -c 4000000; echo') });
    expect(report).toMatchObject({ healthy: true, message: 'flood' });
  });

  it.each([
    [['/nonexistent/check'], 'no such file or directory'],
    [['/etc/passwd'], 'permission denied'],
    [['/bin/e\0cho'], /null bytes/],
  ])('fails on %o', async (exec, message) => {
    const report = await probe({ exec });
    expect(report.healthy).toBe(false);
    expect(report.message).toMatch(message);
  });

  it('kills the whole process group at the deadline', async () => {
    const pidfile = join(scratch(), 'pids');
    const report = await probe({
      exec: sh('sleep 1000 & echo $! $$ > "$1.new"; mv "$1.new" "$1"; wait', pidfile),
      timeout: 400,
    });
    expect(report).toMatchObject({ healthy: false, message: 'no answer within 400 ms' });
    const [child, shell] = readFileSync(pidfile, 'utf8').trim().split(' ');
    await until(() => !running(child!));
    // The shell is our own child: gone from /proc means it was waited for.
    await until(() => !existsSync(`/proc/${shell}`));
  });

  it('takes the word of a program that left its output open to another', async () => {
    const report = await probe({ exec: sh('sleep 1000 & echo $!'), timeout: 400 });
    expect(report.healthy).toBe(true);
    expect(report.message).toMatch(/^\d+$/);
    process.kill(Number(report.message), 'SIGKILL');
  });

  it('goes on after a run that was killed', async () => {
    const flag = join(scratch(), 'flag');
    const checks = startChecks([
      { name: 'it', exec: sh('[ -e "$1" ] || sleep 1000; echo back', flag), timeout: 200 },
    ]);
    expect(await checks.run()).toMatchObject({ healthy: false });
    writeFileSync(flag, '');
    // The dead run may not have been waited for yet.
    await until(async () => (await checks.run()).healthy);
    expect(checks.reports.at(-1)!.message).toBe('back');
  });

  it('runs as the user it is told, by the passwd of the root', async () => {
    const root = scratch();
    const own = startChecks([{ name: 'it', exec: sh('id -u'), as: String(process.getuid!()) }], {
      root: '/',
    });
    expect(await own.run()).toMatchObject({ healthy: true, message: String(process.getuid!()) });
    const none = startChecks([{ name: 'it', exec: sh('id -u'), as: 'noone' }], { root });
    await expect(none.run()).rejects.toThrow(`cannot read "${root}/etc/passwd": no such file or directory`);
    const stranger = startChecks([{ name: 'it', exec: sh('id -u'), as: 'no such user' }]);
    await expect(stranger.run()).rejects.toThrow('cannot run a check as "no such user": no such user');
    const other = startChecks([{ name: 'it', exec: sh('id -u; id -G'), as: 'nobody' }]);
    if (process.getuid!() === 0) expect(await other.run()).toMatchObject({ message: '65534' });
    else await expect(other.run()).rejects.toThrow('only root may');
  });
});

const running = (pid: string): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

describe('a check', () => {
  const steps = (script: string[]) => {
    const state = join(scratch(), 'state');
    return {
      state,
      check: { name: 'it', exec: sh('exit "$(cat "$1")"', state), failures: 2, successes: 2 },
      script,
    };
  };

  it('tells its first outcome at once, then follows the thresholds, and counts every failure', async () => {
    const { state, check } = steps([]);
    const checks = startChecks([check]);
    const seen: (number | undefined)[][] = [];
    for (const exit of [0, 2, 2, 0, 0]) {
      writeFileSync(state, String(exit));
      await checks.run();
      seen.push([
        checks.series('eudaemon_health_check_up', 'it'),
        checks.series('eudaemon_health_check_failures', 'it'),
        checks.series('eudaemon_health_check_duration_seconds', 'it'),
      ]);
    }
    expect(seen).toEqual([
      [1, 0, 1],
      [1, 1, 2],
      [0, 2, 3],
      [0, 2, 4],
      [1, 2, 5],
    ]);
    expect(checks.reports.map(report => report.healthy)).toEqual([true, true, false, false, true]);
  });

  it('that is presumed is silent until it has held once', async () => {
    const { state, check } = steps([]);
    const checks = startChecks([{ ...check, presumed: true, failures: 1, successes: 1 }]);
    const seen: (number | undefined)[] = [];
    for (const exit of [2, 2, 0, 2]) {
      writeFileSync(state, String(exit));
      await checks.run();
      seen.push(checks.series('eudaemon_health_check_up', 'it'));
    }
    expect(seen).toEqual([undefined, undefined, 1, 0]);
    expect(checks.reports.map(report => report.healthy)).toEqual([true, false]);
    expect(checks.series('eudaemon_health_check_failures', 'it')).toBe(1);
  });

  it('has its failure counter before its first probe, and takes its series along when it goes', async () => {
    const checks = startChecks([{ name: 'it', exec: ['/bin/true'], every: 1234 }]);
    expect(checks.series('eudaemon_health_check_failures', 'it')).toBe(0);
    expect(checks.series('eudaemon_health_check_up', 'it')).toBeUndefined();
    expect(checks.samplers[0]).toMatchObject({ name: 'health', everyMs: 1234 });
    await checks.samplers[0]!.close!();
    expect(checks.series('eudaemon_health_check_failures', 'it')).toBeUndefined();
  });

  it('is one sampler each, and no more run at once than allowed', async () => {
    const directory = scratch();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const script = 'mkdir "$1/busy" 2>/dev/null || exit 2; sleep 0.02; rmdir "$1/busy"';
    const checks = startChecks(
      names.map(name => ({ name, exec: sh(script, directory) })),
      { concurrency: 1 },
    );
    await Promise.all(names.map((_, index) => checks.run(index)));
    expect(checks.reports.map(report => [report.check, report.healthy])).toEqual(
      names.map(name => [name, true]),
    );
  });

  it('ends with the agent, without a verdict', async () => {
    const directory = scratch();
    const checks = startChecks(
      [
        { name: 'running', exec: sh('touch "$1/on"; exec sleep 1000', directory) },
        { name: 'waiting', exec: sh('touch "$1/never"', directory) },
      ],
      { concurrency: 1 },
    );
    const ends = [checks.run(0), checks.run(1)].map(end =>
      end.then(
        () => 'told',
        () => 'dropped',
      ),
    );
    await until(() => existsSync(join(directory, 'on')));
    checks.stop.abort();
    expect(await Promise.all(ends)).toEqual(['dropped', 'dropped']);
    expect(checks.reports).toEqual([]);
    expect(existsSync(join(directory, 'never'))).toBe(false);
  });
});
