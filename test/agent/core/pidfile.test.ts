// What a pidfile says, in the forms daemons write it.
import { expect, it } from 'vitest';
import { parsePidfile } from '../../../agent/core/pidfile.ts';

it.each([
  ['123\n', 123],
  ['  77  extra\n', 77],
  ['4711', 4711],
  ['4711\r\n', 4711],
  ['5\n/var/lib/postgresql\n1700000000\n5432\n', 5],
  ['', undefined],
  ['0\n', undefined],
  ['-5\n', undefined],
  ['12abc\n', undefined],
  ['99999999999\n', undefined],
  ['no pid\n', undefined],
])('the pid in pidfile %j is %s', (text, pid) => expect(parsePidfile(text)).toBe(pid));
