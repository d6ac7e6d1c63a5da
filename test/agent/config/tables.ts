// Small tables of collectors and exporters, and a file system in memory, for the tests of this room.

import { type Config, loadConfig } from '../../../agent/config/index.ts';
import type { Tables } from '../../../agent/config/sections.ts';
import type { CollectorEntry } from '../../../agent/core/collector.ts';
import { ConfigError } from '../../../agent/core/errors.ts';
import type { ExporterEntry } from '../../../agent/core/exporter.ts';
import {
  boolean,
  choose,
  duration,
  fallback,
  fileMode,
  integer,
  list,
  object,
  optional,
  type Schema,
  size,
  string,
} from '../../../agent/core/options.ts';

const collector = (name: string, options: Schema<unknown>, byDefault: boolean): CollectorEntry => ({
  name,
  thread: 'main',
  options,
  byDefault,
  load: () => Promise.reject(new Error('not loaded in tests')),
});

const listen = object(
  { path: optional(string()), udp: optional(string()), mode: fallback(fileMode(), 0o666) },
  { exactlyOne: ['path', 'udp'] },
);

export const tables: Tables = {
  collectors: [
    collector('syslog', object({ listen: fallback(list(listen), []), limit: optional(integer(1, 9)) }), true),
    collector(
      'files',
      choose<unknown>(
        { when: input => input === null, schema: object({}) },
        { when: () => true, schema: list(object({ include: list(string(), true) })) },
      ),
      true,
    ),
    collector('health', object({}), true),
    collector('journald', object({ follow: fallback(boolean(), true) }), false),
  ],
  exporters: [
    { name: 'prometheus', options: object({ listen: fallback(string(), '127.0.0.1:10764') }) },
    {
      name: 'otlp',
      options: object({
        endpoint: optional(string()),
        token: optional(string()),
        logs: fallback(boolean(), true),
        metrics: fallback(boolean(), true),
        interval: fallback(duration(), 15_000),
      }),
    },
    { name: 'store', options: object({ max_size: fallback(size(), 2 ** 30) }) },
  ] satisfies ExporterEntry[],
};

export interface Given {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** Loads `eudaemon.yaml` out of these files. */
export function load(
  text: string | Uint8Array,
  { files = {}, env = {}, uid = 0 }: Given = {},
): Promise<Config> {
  const all: Given['files'] = { 'eudaemon.yaml': text, ...files };
  return loadConfig({
    ...tables,
    file: 'eudaemon.yaml',
    env,
    uid,
    readFile(path) {
      const found = all[path] ?? all[path.replace(`${process.cwd()}/`, '')];
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return typeof found === 'string' ? Buffer.from(found) : found;
    },
  });
}

/** The problems of a file as `line:col path: message`, with the file's name in front when it is another. */
export async function problems(text: string | Uint8Array, given?: Given): Promise<string[]> {
  try {
    await load(text, given);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map(line => line.replace(/^eudaemon\.yaml:/, ''));
  }
}
