// The door to what Node lacks. Everything behind it is optional: without it the agent goes on with less.

import { causeOf } from '../core/errors.ts';
import { type Libc, loadLibc } from './libc.ts';
import { createSockets, type Sockets } from './socket.ts';

export type { Credentials } from './socket.ts';

/** Made anew for each thread that needs it; cheap enough for that (30 ms the first time). */
export interface Native extends Sockets {
  readonly libc: Libc;
}

/**
 * The native functions, or undefined where koffi or the machine cannot: `unavailable` then gets the cause and the fix
 * in one sentence.
 */
export function loadNative(unavailable: (cause: string) => void = () => {}): Native | undefined {
  const machine = `${process.platform}-${process.arch}`;
  if (!/^linux-(x64|arm64|riscv64|loong64)$/.test(machine)) {
    unavailable(`Unix datagram sockets need 64-bit Linux, and this is ${machine}`);
    return undefined;
  }
  try {
    const libc = loadLibc();
    return { ...createSockets(libc), libc };
  } catch (error) {
    unavailable(
      `the package koffi does not load (${causeOf(error)}); reinstall with its optional dependencies`,
    );
    return undefined;
  }
}
