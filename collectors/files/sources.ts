// Whose files are followed, and how: one source a declared daemon with log files, one an entry of the options.

import { encodeAttribute } from '../../agent/core/attribute.ts';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { LineFormat, Multiline } from '../../agent/core/daemon.ts';
import { Unwrapped } from '../../agent/core/formats/container.ts';
import { createParser, type Parser } from '../../agent/core/formats/index.ts';
import { type Claims, createClaims } from './claims.ts';
import { createDecoder, type Decoder, otherOrder, Unit } from './encoding.ts';
import { boundary, type LineLimit } from './lines.ts';
import { createRule, ruleOf } from './multiline.ts';
import { DEFAULTS, type FilesOptions, type KubernetesOptions } from './options.ts';
import type { Pods } from './pods.ts';
import type { Rule } from './verdict.ts';

const PARSE_ERROR = 'eudaemon.parse_error';

/** What lines are made of. */
export interface Text {
  readonly limit: LineLimit;
  /** For text that is not UTF-8. */
  readonly decoder: Decoder | undefined;
}

export interface Source extends Text {
  /** Changes when its globs do: only then files that were there before are new to it. */
  readonly id: string;
  /** Changes when anything about it does. */
  readonly key: string;
  readonly daemon: string | undefined;
  /** Whether somebody waits for its lines. */
  readonly wanted: boolean;
  readonly include: readonly string[];
  /** Whether a path is its own. */
  readonly has: (path: string) => boolean;
  /** At the first start ever, files with content are read from their end. */
  readonly fromEnd: boolean;
  /** Of UTF-16 the same in the other order. */
  readonly swapped: Text | undefined;
  /** Compressed files are read as well. */
  readonly unpacks: boolean;
  readonly parser: Parser;
  /** Attributes of a record that is not of the format, and of one that is not wrapped as it should be. */
  readonly parseError: Uint8Array;
  readonly unwrapError: Uint8Array;
  /** The line in flight without its wrapping. */
  readonly unwrapped: Unwrapped;
  readonly rule: Rule | undefined;
  /** Where lines tell whose they are, and no daemon has the file. */
  readonly claims: Claims | undefined;
  /** Whom to ask for labels of pods. */
  readonly pods: Pods | undefined;
}

interface Spec {
  readonly id: string;
  readonly daemon?: string;
  readonly presumed?: boolean | undefined;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly start_at: 'beginning' | 'end';
  readonly parse: LineFormat;
  readonly multiline?: Multiline;
  readonly encoding?: string;
  readonly compressed: 'skip' | 'read';
  readonly max_line: number;
  readonly long_lines: 'split' | 'cut';
  readonly kubernetes?: KubernetesOptions;
}

/** A file of a declared daemon belongs to that daemon alone, whatever entries match it. */
export function createSources(
  options: FilesOptions,
  room: StreamRoom,
  podsOf: (options: KubernetesOptions) => Pods | undefined = () => undefined,
): Source[] {
  const specs: Spec[] = room.daemons.declared
    .filter(({ logs }) => logs.files.length > 0)
    .map(({ name, logs }) => ({
      ...DEFAULTS,
      id: `daemon ${name} ${logs.files.join(' ')}`,
      daemon: name,
      presumed: logs.presumed,
      include: logs.files,
      parse: logs.parse,
      multiline: logs.multiline,
      encoding: logs.encoding,
      compressed: logs.compressed ?? DEFAULTS.compressed,
    }));
  const taken = new Map<string, number>();
  for (const entry of options) {
    const globs = [...entry.include, ...entry.exclude.map(glob => `!${glob}`)].join(' ');
    const twin = taken.get(globs) ?? 0;
    taken.set(globs, twin + 1);
    specs.push({ ...entry, id: `files ${globs}${twin > 0 ? ` #${twin + 1}` : ''}` });
  }
  return specs.map(spec => {
    const included = room.patterns.glob(spec.include);
    const excluded = room.patterns.glob(spec.exclude.map(anywhere));
    const textOf = (encoding: string | undefined): Text => {
      const decoder = encoding === undefined ? undefined : createDecoder(encoding);
      const { unit, boundary: stop } = decoder ?? { unit: Unit.Byte, boundary };
      const limit = { maxBytes: spec.max_line, cut: spec.long_lines === 'cut', unit, boundary: stop };
      return { limit, decoder };
    };
    const text = textOf(spec.encoding);
    const other = otherOrder(text.limit.unit);
    const parser = createParser(spec.parse, room.patterns);
    return {
      id: spec.id,
      key: JSON.stringify(spec),
      daemon: spec.daemon,
      wanted: spec.daemon !== undefined && !spec.presumed,
      include: spec.include,
      has: path =>
        included(path) &&
        !(spec.exclude.length > 0 && excluded(path)) &&
        room.daemons.ofFile(path) === spec.daemon,
      fromEnd: spec.start_at === 'end',
      ...text,
      swapped: other === undefined ? undefined : textOf(other),
      unpacks: spec.compressed === 'read',
      parser,
      parseError: encodeAttribute(PARSE_ERROR, parser.error),
      unwrapError: encodeAttribute(PARSE_ERROR, parser.unwrapError),
      unwrapped: new Unwrapped(),
      rule: spec.multiline === undefined ? ruleOf(spec.parse) : createRule(spec.multiline, room.patterns),
      claims: spec.daemon === undefined ? createClaims(spec.parse, room) : undefined,
      pods: spec.kubernetes?.labels ? podsOf(spec.kubernetes) : undefined,
    };
  });
}

/** A glob without a slash is one of names, in whatever directory. */
const anywhere = (glob: string): string => (glob.includes('/') ? glob : `**/${glob}`);
