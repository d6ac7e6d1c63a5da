// A daemon that leaks, for real, and what is foretold of it.
import { spawn } from 'node:child_process';
import { expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { createHome, startProgram } from './program.ts';

/** Opens a file every 500 ms, its limit being 256. */
const LEAK = `$0 = "leaky"; my @held; while (1) { open(my $f, "<", "/dev/null") or last; push @held, $f; select undef, undef, undef, 0.5 } sleep 60`;
if (have('perl'))
  it('a daemon that leaks files is told when it will have none left', async () => {
    const leaky = spawn('sh', ['-c', `ulimit -Sn 256; exec perl -e '${LEAK}'`], { stdio: 'ignore' });
    onTestFinished(() => void leaky.kill('SIGKILL'));
    const began = Date.now();
    const program = await startProgram(
      await createHome({ daemons: { leaky: { match: { comm: 'leaky' } } } }),
    );
    const labels = { daemon: 'leaky', resource: 'fds' };
    const page = await program.waitForMetrics(
      'there is a figure',
      metrics => metrics.value('eudaemon_daemon_exhaustion_seconds', labels) !== undefined,
      110_000,
    );
    const truth = 256 * page.value('eudaemon_daemon_max_fds_ratio', { daemon: 'leaky' })!;
    const left = ((256 - truth) * (Date.now() - began)) / 1000 / truth;
    const told = page.value('eudaemon_daemon_exhaustion_seconds', labels)!;
    expect(told / left).toBeGreaterThan(0.75);
    expect(told / left).toBeLessThan(1.33);
    expect(page.all('eudaemon_daemon_exhaustion_seconds', { resource: 'disk' })).toEqual([]);
  });
