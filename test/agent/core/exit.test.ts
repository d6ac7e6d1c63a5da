// Wait statuses as the kernel gives them.
import { expect, it } from 'vitest';
import type { Exit } from '../../../agent/core/daemon.ts';
import { exitOf, signalName } from '../../../agent/core/exit.ts';

const ended = (code: number, signal: string, coreDumped = false): Exit => ({
  reason: 'signal',
  code,
  signal,
  coreDumped,
});

it.each([
  [0, { reason: 'exit', code: 0 }],
  [0x300, { reason: 'exit', code: 3 }],
  [0xff00, { reason: 'exit', code: 255 }],
  [15, ended(15, 'SIGTERM')],
  [9, ended(9, 'SIGKILL')],
  [11, ended(11, 'SIGSEGV')],
  [0x80 | 11, ended(11, 'SIGSEGV', true)],
  [0x80 | 6, ended(6, 'SIGABRT', true)],
  [34, ended(34, 'SIG34')],
] as [number, Exit][])('%i', (status, exit) => expect(exitOf(status)).toEqual(exit));

it.each([
  [1, 'SIGHUP'],
  [16, 'SIGSTKFLT'],
  [31, 'SIGSYS'],
  [32, 'SIG32'],
  [64, 'SIG64'],
])('signal %i is %s', (signal, name) => expect(signalName(signal)).toBe(name));
