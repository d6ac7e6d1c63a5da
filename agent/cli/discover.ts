// `eudaemon discover`: the daemons of this host, as a table, as JSON, or as the configuration that watches them.

import { createPatterns } from '../config/index.ts';
import { toYaml } from '../config/yaml.ts';
import { systemClock } from '../core/clock.ts';
import { UsageError } from '../core/errors.ts';
import { tellCapabilities } from '../core/posture.ts';
import type { Discovered } from '../identity/discover.ts';
import { unseenProcesses } from '../identity/namespace.ts';
import { readOptions } from './args.ts';
import { createFinder } from './find.ts';
import { columns, paint } from './format.ts';
import type { Command } from './index.ts';

export interface DiscoverOptions {
  readonly root: string;
  readonly format: 'table' | 'yaml' | 'json';
  readonly color: ReturnType<typeof paint>;
  readonly out: (text: string) => void;
  readonly note: (line: string) => void;
}

export const discover: Command = {
  summary: "the host's daemons with their units, ports and log files",
  usage: `eudaemon discover [--yaml | --json] [--root DIR]

  --yaml      print the configuration that watches them
  --json      print all that was found
  --root DIR  where the host's / is found, such as /host in a container

The ports and log files of other users' daemons are seen by root only.`,
  async run(argv) {
    const {
      yaml,
      json,
      root = '/',
    } = readOptions('discover', argv, {
      yaml: { type: 'boolean' },
      json: { type: 'boolean' },
      root: { type: 'string' },
    });
    if (yaml && json) throw new UsageError('discover: --yaml and --json exclude each other');
    return discoverDaemons({
      root,
      format: yaml ? 'yaml' : json ? 'json' : 'table',
      color: paint(process.stdout),
      out: text => process.stdout.write(text),
      note: line => process.stderr.write(`eudaemon: ${line}\n`),
    });
  },
};

/** Resolves with the exit code. */
export async function discoverDaemons({ root, format, color, out, note }: DiscoverOptions): Promise<number> {
  const finder = createFinder({ patterns: createPatterns(), ...systemClock });
  const { daemons, unseen } = finder.find({ agent: { host_root: root }, daemons: [] });
  if (format === 'json') out(`${JSON.stringify(daemons, null, 2)}\n`);
  else if (format === 'yaml') out(toYaml(COMMENT, { daemons: finder.write(daemons) }));
  else out(daemons.length === 0 ? 'no daemons were found\n' : table(daemons, color));
  const hidden = unseenProcesses(root, process.env, process.pid);
  if (hidden) note(`${hidden.what}; unseen stays ${hidden.costs}; ${hidden.fix}`);
  if (unseen > 0)
    note(
      `cannot see open files of ${unseen} processes: permission denied; ports and logs are missing: run as root`,
    );
  return 0;
}

const COMMENT = `The daemons found on this host by 'eudaemon discover --yaml'; 'eudaemon check' tells what they lack.`;

/** Of a list, the first few and how many more. */
const few = (items: readonly (string | number)[], shown: number): string =>
  items.length === 0
    ? '-'
    : `${items.slice(0, shown).join(',')}${items.length > shown ? ` +${items.length - shown}` : ''}`;

/** `none`, `all`, `all but sys_time`, or which. */
function rights(capabilities: readonly string[] | undefined): string {
  if (capabilities === undefined) return '-';
  const told = tellCapabilities(capabilities).replaceAll('CAP_', '').toLowerCase();
  const but = told.startsWith('all but ') ? 'all but ' : '';
  return `${but}${few(told.slice(but.length).split(' '), 2)}`;
}

function table(daemons: readonly Discovered[], color: DiscoverOptions['color']): string {
  return columns([
    ['DAEMON', 'UNIT', 'USER', 'CAPS', 'PIDS', 'PORTS', 'LOGS', 'RECIPE'].map(head => color('dim', head)),
    ...daemons.map(({ name, unit, user, posture, pids, children, ports, udpPorts, logs, recipe }) => [
      color('bold', name),
      unit ?? '-',
      user ?? '-',
      rights(posture.capabilities),
      few([...pids, ...children], Math.min(3, pids.length)),
      few([...ports, ...udpPorts.map(port => `${port}/udp`)], 4),
      few(logs, 2),
      recipe ?? '-',
    ]),
  ]);
}
