// Shapes of values that several sections share. Pure.

import { PORT, pattern, type Schema } from '../core/options.ts';

export const hostPort = () => pattern('host:port', new RegExp(`^(\\[[^\\]]+\\]|[^:\\s]+):${PORT}$`));
export const isText = (input: unknown) => typeof input === 'string';

/** A schema with one more question to its value; `ask` returns what is wrong. */
export const also = <T>(schema: Schema<T>, ask: (value: T) => string | false | undefined): Schema<T> => ({
  ...schema,
  parse(input, path, checker) {
    const value = schema.parse(input, path, checker);
    const wrong = value === undefined ? undefined : ask(value);
    if (wrong) checker.problem(path, wrong);
    return wrong ? undefined : value;
  },
});

/** What a schema says in other words. */
export const turned = <A, B>(schema: Schema<A>, turn: (value: A) => B): Schema<B> => ({
  json: schema.json,
  parse(input, path, checker) {
    const value = schema.parse(input, path, checker);
    return value === undefined ? undefined : turn(value);
  },
});

export const number = (): Schema<number> => ({
  json: { type: 'number' },
  parse(input, path, checker) {
    if (typeof input === 'number' && Number.isFinite(input)) return input;
    checker.problem(path, `${JSON.stringify(input)} is not a number`);
    return undefined;
  },
});

/** Text, a number, or true or false, as it is. */
export const scalarValue = (): Schema<string | number | boolean> => ({
  json: { type: ['string', 'number', 'boolean'] },
  parse(input, path, checker) {
    if (typeof input === 'string' || typeof input === 'boolean' || Number.isFinite(input))
      return input as string | number | boolean;
    checker.problem(path, `${JSON.stringify(input)} is not text, a number, true or false`);
    return undefined;
  },
});
