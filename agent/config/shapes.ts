// Shapes of values that several sections share. Pure.

import { pattern, type Schema } from '../core/options.ts';

export const absolutePath = (): Schema<string> => pattern('an absolute path', /^\/[^\0]*$/);
export const hostPort = () => pattern('host:port', /^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/);
export const isText = (input: unknown) => typeof input === 'string';

/** A schema with one more question to its value; `ask` returns what is wrong. */
export const also = <T>(schema: Schema<T>, ask: (value: T) => string | undefined): Schema<T> => ({
  ...schema,
  parse(input, path, checker) {
    const value = schema.parse(input, path, checker);
    const wrong = value === undefined ? undefined : ask(value);
    if (wrong !== undefined) checker.problem(path, wrong);
    return wrong === undefined ? value : undefined;
  },
});
