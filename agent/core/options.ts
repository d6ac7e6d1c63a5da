// Option schemas: one declaration gives the type, the validation and the JSON Schema. Pure; knows no file format.

import { didYouMean, parseDuration, parseSize } from './units.ts';

export type JsonSchema = { readonly [key: string]: unknown };

export type Path = readonly (string | number)[];

/** Where findings go, and what the leaf cannot check itself. */
export interface Checker {
  /** `on` says whether the finding is about the value at `path` (the default) or about its key. */
  problem(path: Path, message: string, on?: 'key' | 'value'): void;
  /** Returns what is wrong with the text, or undefined. */
  readonly formats: Readonly<Record<Format, (text: string) => string | undefined>>;
}

export type Format = 'regex' | 'glob';

export interface Schema<T> {
  /** Checks and converts; reports every problem and returns undefined when there was one. `undefined` input means absent. */
  parse(input: unknown, path: Path, checker: Checker): T | undefined;
  readonly json: JsonSchema;
  /** Value when the key is absent; without it the key is required, unless `optional`. */
  readonly fallback?: unknown;
  readonly optional?: boolean;
}

export type Parsed<S> = S extends Schema<infer T> ? T : never;

const show = (input: unknown): string =>
  typeof input === 'string' ? `"${input}"` : (JSON.stringify(input) ?? 'nothing');

/** A scalar schema from one converting function that returns undefined for "no". */
export function scalar<T>(
  what: string,
  json: JsonSchema,
  convert: (input: unknown) => T | undefined,
): Schema<T> {
  return {
    json,
    parse(input, path, checker) {
      const value = convert(input);
      if (value === undefined) checker.problem(path, `${show(input)} is not ${what}`);
      return value;
    },
  };
}

export const string = (): Schema<string> =>
  scalar('text', { type: 'string' }, input =>
    typeof input === 'string'
      ? input
      : typeof input === 'number' || typeof input === 'boolean'
        ? String(input)
        : undefined,
  );

export const boolean = (): Schema<boolean> =>
  scalar('true or false', { type: 'boolean' }, input => (typeof input === 'boolean' ? input : undefined));

export const integer = (minimum = 0, maximum = Number.MAX_SAFE_INTEGER): Schema<number> =>
  scalar(`a whole number from ${minimum} to ${maximum}`, { type: 'integer', minimum, maximum }, input =>
    Number.isInteger(input) && (input as number) >= minimum && (input as number) <= maximum
      ? (input as number)
      : undefined,
  );

/** Milliseconds from `10s`; `minimum` in ms. */
export const duration = (minimum = 0): Schema<number> =>
  scalar(
    `a duration such as 250ms, 10s, 5m or 1h${minimum > 0 ? ` of at least ${minimum}ms` : ''}`,
    { type: 'string', pattern: '^(\\d+(\\.\\d+)?(ms|[smhd]))+$' },
    input => {
      const ms = typeof input === 'string' ? parseDuration(input) : undefined;
      return ms !== undefined && ms >= minimum ? ms : undefined;
    },
  );

/** Bytes from `64KiB`. */
export const size = (minimum = 0): Schema<number> =>
  scalar(
    `a size such as 64KiB, 100MiB or 1GiB${minimum > 0 ? ` of at least ${minimum} bytes` : ''}`,
    { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*([KMGT]i?B|B)$' },
    input => {
      const bytes = typeof input === 'string' ? parseSize(input) : undefined;
      return bytes !== undefined && bytes >= minimum ? bytes : undefined;
    },
  );

/** A file mode such as 0666, written in octal with or without quotes. */
export const fileMode = (): Schema<number> =>
  scalar('a file mode such as "0660"', { type: ['string', 'integer'] }, input => {
    const text = typeof input === 'number' ? String(input) : input;
    return typeof text === 'string' && /^0?o?[0-7]{3,4}$/.test(text)
      ? Number.parseInt(text.replace('o', ''), 8)
      : undefined;
  });

export const oneOf = <const T extends string>(...values: T[]): Schema<T> => ({
  json: { enum: values },
  parse(input, path, checker) {
    if (values.includes(input as T)) return input as T;
    checker.problem(
      path,
      `${show(input)} is not one of ${values.join(', ')}${typeof input === 'string' ? didYouMean(input, values) : ''}`,
    );
    return undefined;
  },
});

/** Text checked by the host of the schema: a regular expression or a glob. */
export const formatted = (format: Format): Schema<string> => ({
  json: { type: 'string', ...(format === 'regex' ? { format: 'regex' } : {}) },
  parse(input, path, checker) {
    if (typeof input !== 'string') {
      checker.problem(path, `${show(input)} is not a ${format}`);
      return undefined;
    }
    const wrong = checker.formats[format](input);
    if (wrong !== undefined) checker.problem(path, `"${input}" is not a valid ${format}: ${wrong}`);
    return wrong === undefined ? input : undefined;
  },
});

/** Text of a shape; `what` completes "is not …". */
export const pattern = (what: string, expression: RegExp): Schema<string> =>
  scalar(what, { type: 'string', pattern: expression.source }, input => {
    const text = typeof input === 'number' ? String(input) : input;
    return typeof text === 'string' && expression.test(text) ? text : undefined;
  });

export const absolutePath = (): Schema<string> => pattern('an absolute path', /^\/[^\0]*$/);

/** The source of a pattern for a port. */
export const PORT = '(6553[0-5]|655[0-2]\\d|65[0-4]\\d{2}|6[0-4]\\d{3}|[1-5]\\d{4}|\\d{1,4})';

/** A list; a lone value counts as a list of one when `single`. */
export const list = <T>(item: Schema<T>, single = false): Schema<T[]> => ({
  json: single
    ? { anyOf: [{ type: 'array', items: item.json }, item.json] }
    : { type: 'array', items: item.json },
  parse(input, path, checker) {
    if (!Array.isArray(input)) {
      if (single && input !== null && input !== undefined) {
        const value = item.parse(input, path, checker);
        return value === undefined ? undefined : [value];
      }
      checker.problem(path, `${show(input)} is not a list`);
      return undefined;
    }
    const values = input.map((element, i) => item.parse(element, [...path, i], checker));
    return values.includes(undefined) ? undefined : (values as T[]);
  },
});

const isObject = (input: unknown): input is Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** A map from free names to values of one shape. */
export const map = <T>(
  value: Schema<T>,
  key?: { what: string; pattern: RegExp },
): Schema<Record<string, T>> => ({
  json: {
    type: ['object', 'null'],
    additionalProperties: value.json,
    ...(key ? { propertyNames: { pattern: key.pattern.source } } : {}),
  },
  parse(input, path, checker) {
    if (input === null) return {};
    if (!isObject(input)) {
      checker.problem(path, `${show(input)} is not a map`);
      return undefined;
    }
    const result: Record<string, T> = {};
    let whole = true;
    for (const [name, element] of Object.entries(input)) {
      if (key && !key.pattern.test(name))
        checker.problem([...path, name], `"${name}" is not ${key.what}`, 'key');
      const parsed = value.parse(element, [...path, name], checker);
      if (parsed === undefined) whole = false;
      else result[name] = parsed;
    }
    return whole ? result : undefined;
  },
});

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { optional: true } ? K : never;
}[keyof F];
type ObjectOf<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: Parsed<F[K]> } & {
  [K in OptionalKeys<F>]?: Parsed<F[K]>;
};
type Flat<T> = { [K in keyof T]: T[K] };

/**
 * An object with known keys; others are problems that name the nearest. `exactlyOne`: of these keys exactly one must stand.
 * An empty value (`health:` with nothing behind it) counts as `{}`.
 */
export function object<F extends Fields>(
  fields: F,
  rules: { exactlyOne?: readonly (keyof F & string)[]; atLeastOne?: readonly (keyof F & string)[] } = {},
): Schema<Flat<ObjectOf<F>>> {
  const names = Object.keys(fields);
  const required = names.filter(name => fields[name]!.fallback === undefined && !fields[name]!.optional);
  return {
    json: {
      type: required.length > 0 ? 'object' : ['object', 'null'],
      properties: Object.fromEntries(names.map(name => [name, withDefault(fields[name]!)])),
      additionalProperties: false,
      ...(required.length > 0 ? { required } : {}),
      ...(rules.exactlyOne ? { oneOf: rules.exactlyOne.map(name => ({ required: [name] })) } : {}),
      ...(rules.atLeastOne ? { anyOf: rules.atLeastOne.map(name => ({ required: [name] })) } : {}),
    },
    parse(given, path, checker) {
      const input = given === null ? {} : given;
      if (!isObject(input)) {
        checker.problem(
          path,
          `${show(given)} is not a map with ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', …' : ''}`,
        );
        return undefined;
      }
      let whole = true;
      for (const name of Object.keys(input)) {
        if (Object.hasOwn(fields, name)) continue;
        whole = false;
        checker.problem(
          [...path, name],
          `unknown key "${name}"${didYouMean(name, names) || `; known: ${names.join(', ')}`}`,
          'key',
        );
      }
      const set = (keys: readonly string[]) => keys.filter(name => input[name] !== undefined);
      if (rules.exactlyOne && set(rules.exactlyOne).length !== 1) {
        whole = false;
        checker.problem(
          path,
          `exactly one of ${rules.exactlyOne.join(', ')} must be given, not ${set(rules.exactlyOne).join(' and ') || 'none'}`,
        );
      }
      if (rules.atLeastOne && set(rules.atLeastOne).length === 0) {
        whole = false;
        checker.problem(path, `at least one of ${rules.atLeastOne.join(', ')} must be given`);
      }
      const result: Record<string, unknown> = {};
      for (const [name, schema] of Object.entries(fields)) {
        const element = Object.hasOwn(input, name) ? input[name] : undefined;
        if (element === undefined) {
          if (schema.fallback !== undefined) result[name] = structuredClone(schema.fallback);
          else if (!schema.optional) {
            whole = false;
            checker.problem(path, `the key "${name}" is missing`);
          }
          continue;
        }
        const parsed = schema.parse(element, [...path, name], checker);
        if (parsed === undefined) whole = false;
        else result[name] = parsed;
      }
      return whole ? (result as Flat<ObjectOf<F>>) : undefined;
    },
  };
}

const withDefault = (schema: Schema<unknown>): JsonSchema =>
  schema.fallback === undefined || typeof schema.fallback === 'object'
    ? schema.json
    : {
        ...schema.json,
        description: `${schema.json['description'] ?? ''} Default: ${String(schema.fallback)}.`.trim(),
      };

/** The key may be absent; then it is undefined. */
export const optional = <T>(schema: Schema<T>): Schema<T> & { optional: true } => ({
  ...schema,
  optional: true,
});

/** The key may be absent; then it has this (parsed) value. */
export const fallback = <T>(schema: Schema<T>, value: T): Schema<T> => ({ ...schema, fallback: value });

/** A sentence for the JSON Schema and the reference. */
export const describe = <S extends Schema<unknown>>(schema: S, description: string): S => ({
  ...schema,
  json: { ...schema.json, description },
});

/** The first schema whose `when` holds for the input decides; problems are its own. */
export const choose = <T>(
  ...cases: readonly { when: (input: unknown) => boolean; schema: Schema<T> }[]
): Schema<T> => ({
  json: { anyOf: cases.map(each => each.schema.json) },
  parse: (input, path, checker) =>
    (cases.find(each => each.when(input)) ?? cases.at(-1)!).schema.parse(input, path, checker),
});
