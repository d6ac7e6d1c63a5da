// Options of the collector `files`: log files that belong to no declared daemon.

import type { LineFormat, Multiline } from '../../agent/core/daemon.ts';
import {
  absoluteGlob,
  compressed,
  encoding,
  fileFormat,
  multiline,
} from '../../agent/core/formats/options.ts';
import {
  boolean,
  describe,
  fallback,
  formatted,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  pattern,
  type Schema,
  size,
  string,
} from '../../agent/core/options.ts';

export interface FilesEntry {
  readonly include: readonly string[];
  /** Globs of paths, or without a slash of names. */
  readonly exclude: readonly string[];
  readonly start_at: 'beginning' | 'end';
  readonly parse: LineFormat;
  readonly multiline?: Multiline;
  readonly encoding?: string;
  readonly compressed: 'skip' | 'read';
  /** Bytes of a line or joined record. */
  readonly max_line: number;
  readonly long_lines: 'split' | 'cut';
  readonly kubernetes?: KubernetesOptions;
}

const kubernetes = object({
  labels: describe(
    fallback(boolean(), false),
    'Labels of pods from the API server, as k8s.pod.label.<name>; its account needs to get, list and watch pods.',
  ),
  node: optional(describe(string(), 'The name of this node; that of K8S_NODE_NAME when absent.')),
  api: optional(
    describe(
      pattern('an https:// address', /^https:\/\/\S+$/),
      'The API server; that of the cluster when absent.',
    ),
  ),
  account: describe(
    fallback(pattern('an absolute path', /^\//), '/var/run/secrets/kubernetes.io/serviceaccount'),
    'The directory with token and ca.crt.',
  ),
});

export type KubernetesOptions = Parsed<typeof kubernetes>;

export type FilesOptions = readonly FilesEntry[];

/** What an entry that says nothing gets, and every declared daemon. */
export const DEFAULTS = {
  exclude: [] as string[],
  start_at: 'end',
  parse: 'none',
  compressed: 'skip',
  max_line: 2 ** 20,
  long_lines: 'split',
} as const;

const entries: Schema<FilesEntry[]> = list(
  object({
    include: describe(list(absoluteGlob(), true), 'Globs of absolute paths.'),
    exclude: fallback(list(formatted('glob'), true), DEFAULTS.exclude),
    start_at: describe(
      fallback(oneOf('beginning', 'end'), DEFAULTS.start_at),
      'Where files are begun that had content before the first start; files that appear later are read whole.',
    ),
    parse: describe(fallback(fileFormat, DEFAULTS.parse), 'What a line is.'),
    multiline: describe(optional(multiline), 'Which lines make one record.'),
    encoding: optional(encoding),
    compressed: fallback(compressed, DEFAULTS.compressed),
    max_line: describe(fallback(size(1), DEFAULTS.max_line), 'Bytes of the longest line or joined record.'),
    long_lines: describe(
      fallback(oneOf('split', 'cut'), DEFAULTS.long_lines),
      'Whether a longer line becomes several records or loses its end.',
    ),
    kubernetes: optional(describe(kubernetes, 'More about the pods whose logs these are.')),
  }),
);

/** `files:` with nothing behind it is an empty list. */
export const options: Schema<FilesOptions> = {
  ...entries,
  fallback: [],
  parse: (input, path, checker) => (input === null ? [] : entries.parse(input, path, checker)),
};
