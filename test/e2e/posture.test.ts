// How real daemons run, as setpriv(1) started them: in the metrics, in `eudaemon status` and as expectations.
import { spawn } from 'node:child_process';
import { expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { createHome, freePort, spawnProgram, startProgram } from './program.ts';

const EXPECT = { user: '!= root', no_new_privs: 'on', capabilities: 'none', terminal: 'off' };
const SHUT_IN =
  '--reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all';

async function start(options: string): Promise<number> {
  const port = await freePort();
  const words = `${options} ${find('redis-server')} --port ${port} --save  --dir /tmp`
    .split(' ')
    .filter(Boolean);
  const child = spawn(find('setpriv')!, words, { stdio: 'ignore', detached: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  return port;
}

if (have('setpriv', 'redis-server', 'root'))
  it('a daemon that is shut in meets what one of root does not', async () => {
    const ports = { shut: await start(SHUT_IN), open: await start('--groups=4') };
    const home = await createHome({
      daemons: Object.fromEntries(
        Object.entries(ports).map(([name, port]) => [
          name,
          { match: { comm: 'redis-server', port }, expect: { ...EXPECT } },
        ]),
      ),
    });
    const agent = await startProgram(home);
    const page = await agent.waitForMetrics(
      'both are looked at',
      each => each.all('eudaemon_daemon_info', {}).length === 2,
    );
    const info = (daemon: string, labels: Record<string, string>) =>
      page.value('eudaemon_daemon_info', { daemon, ...labels });
    expect(info('shut', { user: 'nobody', capabilities: 'none', no_new_privs: 'on' })).toBe(1);
    expect(info('open', { user: 'root', no_new_privs: 'off' })).toBe(1);
    const met = (daemon: string) =>
      Object.keys(EXPECT).map(expectation => page.value('eudaemon_expectation_met', { daemon, expectation }));
    expect(met('shut')).toEqual([1, 1, 1, 1]);
    expect(met('open')).toEqual([0, 0, 0, 1]);
    const status = spawnProgram(home, ['status', 'shut', '--config', home.configFile]);
    await status.ended;
    expect(status.output()).toMatch(/user +nobody\n.*capabilities +none\n +no_new_privs +on\n/s);
    expect(status.output()).toMatch(/expects +user != root: met/);
  });
