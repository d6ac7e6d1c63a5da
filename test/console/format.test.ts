import { expect, test } from 'vitest';

const { ago, bytes, count, exitText, percent, span } = await import(
  new URL('../../console/format.js', import.meta.url).href
);

test.each<[(n: number | undefined) => string, number | undefined, string]>([
  [bytes, undefined, '–'],
  [bytes, 0, '0 B'],
  [bytes, 1023, '1023 B'],
  [bytes, 1024, '1.0 KiB'],
  [bytes, 99.4 * 2 ** 20, '99.4 MiB'],
  [bytes, 100 * 2 ** 20, '100 MiB'],
  [bytes, 2.31e9, '2.2 GiB'],
  [bytes, 5e15, '4547 TiB'],
  [percent, undefined, '–'],
  [percent, 0, '0.0 %'],
  [percent, 0.0994, '9.9 %'],
  [percent, 0.0996, '10 %'],
  [percent, 1.5, '150 %'],
  [count, undefined, '–'],
  [count, 1234567, '1,234,567'],
  [span, -5, '0s'],
  [span, 59_999, '59s'],
  [span, 60_000, '1m 0s'],
  [span, 3_599_999, '59m 59s'],
  [span, 3_600_000, '1h 0m'],
  [span, 86_399_999, '23h 59m'],
  [span, 90_000_000, '1d 1h'],
])('%o of %s is %s', (format, value, text) => {
  expect(format(value)).toBe(text);
});

test('ago has one unit', () => {
  expect(ago(undefined, 5)).toBe('–');
  expect(ago(0, 61_000)).toBe('1m ago');
  expect(ago(10, 0)).toBe('0s ago');
});

test.each([
  [{ reason: 'exit', code: 3 }, 'exit status 3'],
  [{ reason: 'exit' }, 'exit status unknown'],
  [{ reason: 'signal', code: 11 }, 'signal 11'],
  [{ reason: 'signal', code: 11, signal: 'SIGSEGV' }, 'SIGSEGV'],
  [{ reason: 'oom' }, 'killed for memory'],
  [{ reason: 'unknown' }, 'reason unknown'],
])('exit %j is %s', (exit, text) => {
  expect(exitText(exit)).toBe(text);
});
