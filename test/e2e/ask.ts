// What a running agent says of its daemons.
import type { DaemonsView, DaemonView } from '../../console/api.ts';
import type { Program } from './program.ts';
import { until } from './until.ts';

/** Of the daemon `victim` unless another is named. */
export function asking(program: Program) {
  const view = async (name = 'victim'): Promise<DaemonView> => {
    const response = await fetch(`${program.home.url}/api/daemons`);
    return ((await response.json()) as DaemonsView).daemons.find(each => each.name === name)!;
  };
  const exits = async (name = 'victim') => {
    const page = await program.metrics();
    const of = (reason: string) => page.value('eudaemon_daemon_exits_total', { daemon: name, reason }) ?? -1;
    return { exit: of('exit'), signal: of('signal'), oom: of('oom'), unknown: of('unknown') };
  };
  return {
    view,
    exits,
    sum: async (name?: string) => Object.values(await exits(name)).reduce((sum, count) => sum + count, 0),
    becomes: (state: string, name?: string) =>
      until(`it is ${state}`, async () => {
        const seen = await view(name);
        return seen.state === state && seen;
      }),
  };
}
