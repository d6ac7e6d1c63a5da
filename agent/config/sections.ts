// The whole file as one schema: the agent's own sections, and those of the collectors and exporters handed in.

import { homedir } from 'node:os';
import type { CollectorEntry } from '../core/collector.ts';
import type { DaemonSpec } from '../core/daemon.ts';
import type { ExporterEntry } from '../core/exporter.ts';
import {
  absolutePath,
  boolean,
  choose,
  describe,
  duration,
  fallback,
  integer,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  type Schema,
  size,
  string,
} from '../core/options.ts';
import { daemons } from './daemons.ts';
import { formats } from './patterns.ts';
import { processors } from './processors.ts';
import type { Recipes } from './recipes.ts';

export interface Tables {
  readonly collectors: readonly CollectorEntry[];
  readonly exporters: readonly ExporterEntry[];
}

export const agent = object({
  state_dir: optional(
    describe(
      absolutePath(),
      'Checkpoints, spool, local store. As root /var/lib/eudaemon, else below $XDG_STATE_HOME.',
    ),
  ),
  run_dir: optional(
    describe(
      absolutePath(),
      'Control socket, syslog socket. As root /run/eudaemon, else below $XDG_RUNTIME_DIR.',
    ),
  ),
  host_root: fallback(
    describe(absolutePath(), 'Where /proc, /sys and /var/log of the node are found; /host in a DaemonSet.'),
    '/',
  ),
  discover: fallback(describe(boolean(), 'Also watch the daemons found running on this host.'), false),
  log_level: fallback(oneOf('debug', 'info', 'warn', 'error'), 'info'),
  log_format: fallback(oneOf('logfmt', 'json'), 'logfmt'),
  shutdown_timeout: fallback(describe(duration(100), 'How long a stop may drain.'), 10_000),
  user: optional(describe(string(), 'Drop to it once sockets are bound.')),
});

const spool = object({
  max_size: fallback(size(64 * 1024), 2 ** 30),
  when_full: fallback(oneOf('drop_oldest', 'block'), 'drop_oldest'),
  min_free: optional(
    describe(
      size(),
      'Bytes of the file system the spool leaves to others. Default: a twentieth of it, at most 512MiB.',
    ),
  ),
  fsync: fallback(
    describe(
      choose<number | 'off'>(
        { when: input => input === 'off', schema: oneOf('off') },
        { when: input => input === 0, schema: integer(0, 0) },
        { when: () => true, schema: duration() },
      ),
      'Records younger than this may be lost with the power. 0: no younger ones, for a sync behind every batch; off: whatever the system has not written by itself.',
    ),
    1000,
  ),
  dead_letter: fallback(
    describe(
      size(),
      'Room for records a receiver refused for good, which `eudaemon logs --dead-letter` shows; 0B keeps none.',
    ),
    64 * 2 ** 20,
  ),
});

/** A section that may be empty (all defaults), `true` for the same, or `false` for off. */
const section = (options: Schema<unknown>): Schema<unknown> => ({
  json: { anyOf: [options.json, { type: ['boolean', 'null'] }] },
  parse: (input, path, checker) =>
    input === false ? false : options.parse(input === true ? null : input, path, checker),
});

const sections = (entries: readonly (CollectorEntry | ExporterEntry)[]) =>
  object(Object.fromEntries(entries.map(({ name, options }) => [name, optional(section(options))])));

/** A section that is absent is an empty one. */
const whole = <T>(schema: Schema<T>): Schema<T> =>
  fallback(schema, schema.parse(null, [], { formats, problem() {} })!);

/** Everything a file may say. What it says nothing about stays undefined here; load.ts decides it. */
export function file({ collectors, exporters }: Tables, recipes: Recipes) {
  return object({
    include: optional(describe(list(string(), true), 'Files read after this one; globs, relative to it.')),
    agent: whole(agent),
    daemons: fallback(daemons(recipes), {} as Record<string, DaemonSpec>),
    collectors: fallback(sections(collectors), {}),
    exporters: fallback(sections(exporters), {}),
    processors: fallback(
      processors(collectors.filter(each => each.thread === 'data').map(each => each.name)),
      [],
    ),
    spool: whole(spool),
  });
}

export type SpoolOptions = Parsed<typeof spool>;
export type AgentOptions = Parsed<typeof agent> & { readonly state_dir: string; readonly run_dir: string };

export type Env = Readonly<Record<string, string | undefined>>;

/** Where state and sockets go when the file does not say: what systemd hands out, root's places, or the user's own. */
export function directories(env: Env, uid: number): { state_dir: string; run_dir: string } {
  const root = uid === 0;
  const xdg = (name: string) => (env[name]?.startsWith('/') ? env[name] : undefined);
  const state = root ? '/var/lib' : (xdg('XDG_STATE_HOME') ?? `${env['HOME'] || homedir()}/.local/state`);
  const run = root ? '/run' : xdg('XDG_RUNTIME_DIR');
  return {
    state_dir: env['STATE_DIRECTORY']?.split(':')[0] || `${state}/eudaemon`,
    run_dir: env['RUNTIME_DIRECTORY']?.split(':')[0] || (run ? `${run}/eudaemon` : `/tmp/eudaemon-${uid}`),
  };
}
