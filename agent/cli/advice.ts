// What a configuration says that is valid, but hardly what its author means.

import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/index.ts';
import { IN_MEMORY } from '../core/filesystem.ts';
import { nearest } from '../core/units.ts';
import type { Finding } from './finding.ts';

/** Notes: they cost no data by themselves. */
export function advise({ daemons, processors }: Pick<Config, 'daemons' | 'processors'>): Finding[] {
  return [
    ...strangers(
      processors,
      daemons.map(({ name }) => name),
    ),
    ...hidden(processors),
    ...shared('log file', daemons, ({ logs }) => logs.files),
    ...shared('syslog tag', daemons, ({ logs }) => logs.identifiers),
    ...shared('match', daemons, ({ match }) => {
      const keys = Object.entries(match).map(([key, value]) => `${key}: ${value}`);
      return keys.length === 0 ? [] : [keys.sort().join(', ')];
    }),
    ...narrower(daemons),
  ];
}

/** A process that fits several is of the first: one that asks for more behind one that asks for less has none. */
function narrower(daemons: Config['daemons']): Finding[] {
  return daemons.flatMap((daemon, i) => {
    const asked = new Map(Object.entries(daemon.match));
    const wider = daemons.slice(0, i).find(({ match }) => {
      const keys = Object.entries(match);
      return keys.length < asked.size && keys.every(([key, value]) => asked.get(key) === value);
    });
    if (!wider) return [];
    return [
      {
        what: `every process that fits ${daemon.name} fits ${wider.name} as well, for which it is taken`,
        fix: `put ${daemon.name} before ${wider.name}`,
      },
    ];
  });
}

/** What says the same of two daemons says it of the first. */
function shared(
  what: string,
  daemons: Config['daemons'],
  named: (daemon: Config['daemons'][number]) => readonly string[],
): Finding[] {
  const first = new Map<string, string>();
  return daemons.flatMap(daemon =>
    named(daemon).flatMap(each => {
      const owner = first.get(each) ?? daemon.name;
      first.set(each, owner);
      if (owner === daemon.name) return [];
      return [
        {
          what: `${owner} and ${daemon.name} both name ${what} "${each}", which is taken for ${owner}`,
          fix: 'name it once',
        },
      ];
    }),
  );
}

/** A condition may name a syslog tag; one that is almost a daemon is a slip. */
function strangers(processors: Config['processors'], names: readonly string[]): Finding[] {
  return processors.flatMap(({ when = [], drop = [], keep = [] }, i) =>
    [...when, ...drop, ...keep]
      .flatMap(each => [...(each.daemon ?? []), ...(each.not?.daemon ?? [])])
      .flatMap(name => {
        const near = names.includes(name) ? undefined : nearest(name, names);
        return near === undefined
          ? []
          : [
              {
                what: `processors[${i}] names "${name}", which no daemon is called`,
                fix: `did you mean "${near}"?`,
              },
            ];
      }),
  );
}

/** Escapes hide a secret in JSON and quotes; it stands there plainly only when the text has been parsed. */
function hidden(processors: Config['processors']): Finding[] {
  const lastRedact = processors.findLastIndex(({ redact }) => redact !== undefined);
  const parse = processors.findIndex((spec, i) => i > lastRedact && spec.parse !== undefined);
  if (lastRedact < 0 || parse < 0) return [];
  return [
    {
      what: `processors[${parse}].parse finds fields behind processors[${lastRedact}].redact, which does not see them`,
      fix: 'put redact behind parse',
    },
  ];
}

/** Where a received message waits to be processed: the syslog ring. `typeOf` throws for what is not there. */
export function exposed(
  { agent, collectors, processors }: Pick<Config, 'agent' | 'collectors' | 'processors'>,
  typeOf: (path: string) => number = path => statfsSync(path).type,
): Finding[] {
  if (!collectors['syslog'] || !processors.some(({ redact }) => redact !== undefined)) return [];
  for (let path = agent.run_dir; ; path = dirname(path)) {
    try {
      if (IN_MEMORY.has(typeOf(path))) return [];
      break;
    } catch {
      if (path === '/') return [];
    }
  }
  return [
    {
      what: `agent.run_dir "${agent.run_dir}" is on a disk, where messages wait until they are redacted`,
      fix: 'set agent.run_dir to a directory of a tmpfs, such as /run/eudaemon',
    },
  ];
}
