// What options say of a request: a URL, and fields of its header. Pure.

import { map, pattern, type Schema } from './options.ts';

/** A field name of RFC 9110, and a value without control characters. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Values by field name. */
export const headers = (): Schema<Record<string, string>> =>
  headersOf(pattern('a header value', HEADER_VALUE));

/** By field name, what gives the value. */
export const headersOf = <T>(value: Schema<T>): Schema<Record<string, T>> =>
  map(value, { what: 'a header name', pattern: HEADER_NAME });

/** `like` is an example of one. */
export const httpUrl = (like: string): Schema<string> => ({
  json: { type: 'string', pattern: '^https?://' },
  parse(input, path, checker) {
    if (typeof input === 'string' && /^https?:\/\//.test(input) && URL.canParse(input)) return input;
    checker.problem(path, `${JSON.stringify(input)} is not a URL such as "${like}"`);
    return undefined;
  },
});
