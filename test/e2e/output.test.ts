// Where what is printed goes: to readers that have had enough, and to disks that are full.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BIN, createHome, spawnProgram, startProgram } from './program.ts';
import { until } from './until.ts';

/** What a shell says of `eudaemon ARGS REST`, its exit status last. */
const sh = (file: string, args: string, rest: string) => {
  const { stdout, stderr } = spawnSync('bash', ['-c', `"$0" ${args} --config "$1" ${rest}`, BIN, file], {
    encoding: 'utf8',
  });
  return { told: stdout.trim().split('\n'), stderr };
};

/** More than a pipe holds. */
const MANY = Object.fromEntries(
  Array.from({ length: 500 }, (_, i) => [`d${i}`, { match: { comm: `d${i}` } }]),
);

describe('commands', () => {
  it.each(['status', 'status --json', 'rules'])('%s ends quietly with its reader', async command => {
    const { home } = await startProgram(await createHome({ daemons: MANY }));
    const { told, stderr } = sh(home.configFile, command, '| true; echo $PIPESTATUS');
    expect(stderr).toBe('');
    expect(['0', '1']).toContain(told.at(-1));
  });

  it('a disk that is full is told', async () => {
    const home = await createHome({ daemons: MANY });
    expect(sh(home.configFile, 'rules', '>/dev/full; echo $?')).toEqual({
      told: ['1'],
      stderr: 'eudaemon: cannot write to stdout: no space left on device\n',
    });
  });
});

describe('the agent', () => {
  it('greets a person with where to look, and says nothing but JSON where that is asked for', async () => {
    const person = await startProgram(await createHome());
    await person.stop();
    expect(person.output()).toMatch(/^eudaemon \S+ is ready, pid \d+\n {2}console {2}http:.*\n {2}metrics/m);
    const machine = await startProgram(await createHome({ agent: { log_format: 'json' } }));
    await machine.stop();
    const lines = machine.output().trim().split('\n');
    expect(lines.map(line => JSON.parse(line).msg)).toContain('ready');
  });

  it('that runs but is not ready says so, and why', async () => {
    const listen = [{ path: '/proc/none.sock' }];
    const home = await createHome({ collectors: { syslog: { listen } } });
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    await until('the greeting', () => /^ {2}status /m.test(program.output()));
    await program.stop();
    expect(program.output()).toMatch(
      /^eudaemon \S+ runs, pid \d+, but is not ready\n {2}collector syslog: .*\/proc\/none\.sock.*\n {2}console/m,
    );
  });

  it.each([
    ['a full disk', ['sh', '-c', 'exec "$0" "$@" >/dev/full']],
    ['nowhere', ['bash', '-c', 'exec "$0" "$@" > >(true) 2>&1']],
  ])('goes on where its output goes to %s', async (_, through) => {
    const program = await startProgram(await createHome(), {}, through);
    program.signal('SIGHUP');
    await program.waitForMetrics(
      'the reload',
      page => page.value('eudaemon_config_last_reload_successful') === 1,
    );
    expect(await program.stop()).toEqual({ code: 0, signal: null });
  });
});
