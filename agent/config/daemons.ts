// The shape of `daemons:`: what stands in the file, united with a recipe, becomes a DaemonSpec.

import type { DaemonSpec, LogSpec, MatchSpec } from '../core/daemon.ts';
import { absoluteGlob, compressed, encoding, fileFormat, multiline } from '../core/formats/options.ts';
import {
  absolutePath,
  choose,
  describe,
  duration,
  formatted,
  integer,
  list,
  map,
  object,
  oneOf,
  optional,
  type Parsed,
  pattern,
  type Schema,
  string,
} from '../core/options.ts';
import { CAPABILITIES } from '../core/posture.ts';
import { COMM_BYTES, commOf } from '../core/procstat.ts';
import { didYouMean, nearest, parseDuration, parseSize } from '../core/units.ts';
import { checks } from './checks.ts';
import type { Recipes } from './recipes.ts';
import { also, isText } from './shapes.ts';

const UNIT_TYPE = /\.(service|scope|slice|socket|mount|timer|path|target|swap|device|automount)$/;
const HAS_PROCESSES = /\.(service|scope)$/;

/** An environment variable that is not set leaves nothing; of an expression that fits every process. */
const filled = (schema: Schema<string>): Schema<string> =>
  also(schema, text => (text === '' ? 'it is empty' : undefined));

const match = object(
  {
    systemd_unit: optional(
      describe(
        also(filled(string()), unit =>
          UNIT_TYPE.test(unit) && !HAS_PROCESSES.test(unit)
            ? 'only a service or a scope is matched by its name; for what runs below another unit give cgroup'
            : undefined,
        ),
        'A service or scope; without a suffix `.service` is meant.',
      ),
    ),
    pidfile: optional(absolutePath()),
    exe: optional(describe(absolutePath(), 'The file that runs, symbolic links resolved.')),
    comm: optional(
      also(filled(string()), comm =>
        Buffer.byteLength(comm) > COMM_BYTES
          ? `the kernel cuts names after ${COMM_BYTES} bytes; write "${commOf(comm)}"`
          : undefined,
      ),
    ),
    cmdline: optional(describe(filled(formatted('regex')), 'Over the arguments joined by spaces.')),
    user: optional(filled(string())),
    cgroup: optional(absolutePath()),
    port: optional(describe(integer(1, 65_535), 'A TCP port it listens on.')),
    container: optional(pattern('12 to 64 hexadecimal digits of a container id', /^[0-9a-f]{12,64}$/)),
  },
  {
    atLeastOne: ['systemd_unit', 'pidfile', 'exe', 'comm', 'cmdline', 'user', 'cgroup', 'port', 'container'],
  },
);

const logs = object({
  identifiers: optional(describe(list(string(), true), 'Syslog tags; its name when absent.')),
  files: optional(list(absoluteGlob(), true)),
  parse: optional(fileFormat),
  multiline: optional(multiline),
  encoding: optional(encoding),
  compressed: optional(compressed),
  expect_every: optional(
    describe(
      choose<number | 'learn'>(
        { when: input => input === 'learn', schema: oneOf('learn') },
        { when: () => true, schema: duration(1000) },
      ),
      "Silence longer than this is an unmet expectation; 'learn' takes it from the daemon's own rhythm.",
    ),
  ),
});

const COMPARISON = /^(>=|<=|==|!=|>|<)\s*(.+)$/;

/** `<comparison> <amount>`, where `amount` says whether it can read the rest. */
const condition = (example: string, amount: (text: string) => boolean): Schema<string> =>
  also(describe(string(), `A condition such as "${example}".`), text => {
    const rest = COMPARISON.exec(text.trim())?.[2];
    return rest !== undefined && amount(rest)
      ? undefined
      : `"${text}" is not a condition such as "${example}"`;
  });

const onOff = oneOf('on', 'off');

const capability = also(describe(string(), 'Such as CAP_NET_BIND_SERVICE.'), name => {
  if (CAPABILITIES.includes(name)) return undefined;
  return `"${name}" is no capability${didYouMean(name, CAPABILITIES)}`;
});

const expectations = object({
  instances: optional(condition('>= 1', text => /^\d+$/.test(text))),
  fd_usage: optional(condition('< 80%', text => /^\d+(\.\d+)?%$/.test(text))),
  memory: optional(condition('< 2GiB', text => parseSize(text) !== undefined)),
  restarts: optional(
    condition('< 3 in 10m', text => {
      const window = /^\d+ in (\S+)$/.exec(text)?.[1];
      return window !== undefined && parseDuration(window) !== undefined;
    }),
  ),
  user: optional(
    describe(
      pattern('a user such as "!= root" or "www-data"', /^((==|!=)\s*)?[a-zA-Z0-9_][\w.-]*\$?$/),
      'Of its main processes.',
    ),
  ),
  capabilities: optional(
    describe(
      choose<'none' | string[]>(
        { when: isText, schema: oneOf('none') },
        { when: () => true, schema: list(capability) },
      ),
      'Effective ones, no more than these.',
    ),
  ),
  seccomp: optional(onOff),
  no_new_privs: optional(onOff),
  confinement: optional(describe(onOff, 'By AppArmor or SELinux.')),
  terminal: optional(describe(onOff, 'A controlling terminal.')),
});

const labels = map(
  also(string(), text => (text.length <= 200 ? undefined : 'it is longer than 200 characters')),
  {
    what: 'a label name of letters, digits and _, without __ in front',
    pattern: /^(?!__|daemon$)[a-zA-Z_]\w*$/,
  },
);

const recipeFields = {
  match: optional(match),
  logs: optional(logs),
  health: optional(checks),
  expect: optional(expectations),
};

/** What a recipe may say; the rest is the operator's. */
export const recipe = object(recipeFields);
export type Recipe = Parsed<typeof recipe>;

/**
 * One daemon of `daemons:`. A recipe stands in for what is not given: `match` and `health` as a whole, `logs` and
 * `expect` key by key. One that says neither `match` nor `recipe` takes the recipe of its own name.
 */
function daemon(recipes: Recipes): Schema<DaemonSpec> {
  const fields = object({
    recipe: optional(oneOf(...recipes.names)),
    ...recipeFields,
    labels: optional(labels),
  });
  return {
    json: fields.json,
    parse(input, path, checker) {
      const name = String(path.at(-1));
      const given = fields.parse(input, path, checker);
      if (!given) return undefined;
      const own = given.match === undefined && recipes.names.includes(name) ? name : undefined;
      const chosen = given.recipe ?? own;
      const base: Recipe = chosen === undefined ? {} : recipes.read(chosen);
      const found = given.match ?? base.match;
      if (!found) {
        const near = nearest(name, recipes.names);
        checker.problem(
          path,
          `nothing says which processes it has: give match, such as { comm: ${name} }, or a recipe${near ? `; did you mean the recipe "${near}"?` : ''}`,
          'key',
        );
        return undefined;
      }
      return {
        name,
        match: withUnitType(found),
        logs: {
          identifiers: [name],
          files: [],
          parse: 'none',
          ...base.logs,
          ...given.logs,
        } satisfies LogSpec,
        health: given.health ?? (base.health ?? []).map(check => ({ ...check, presumed: true })),
        expect: { ...base.expect, ...given.expect },
        labels: given.labels ?? {},
      };
    },
  };
}

const withUnitType = (spec: MatchSpec): MatchSpec =>
  spec.systemd_unit === undefined || HAS_PROCESSES.test(spec.systemd_unit)
    ? spec
    : { ...spec, systemd_unit: `${spec.systemd_unit}.service` };

export const daemons = (recipes: Recipes): Schema<Record<string, DaemonSpec>> =>
  map(daemon(recipes), {
    what: 'a daemon name: letters, digits and _ . @ -, beginning with a letter or digit, at most 200 of them',
    pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.@-]{0,199}$/,
  });
