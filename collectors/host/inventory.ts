// What does not change while the host runs, asked once. Programs started for it have a deadline of their own.

import { machine } from 'node:os';
import { parseOsRelease } from './parse.ts';

/** Label values of INFO, in order; '' where unknown. */
export type Inventory = readonly string[];

/** `read` gives a file below the root or undefined. Rejects when the hardware cannot be told. */
export async function takeInventory(read: (path: string) => string | undefined): Promise<Inventory> {
  // Ten megabytes nobody needs who switched this collector off.
  const { cpu, system } = await import('systeminformation');
  const [processor, hardware] = await Promise.all([cpu(), system()]);
  return [
    parseOsRelease(read('etc/os-release') ?? read('usr/lib/os-release') ?? '') ?? '',
    read('proc/sys/kernel/osrelease')?.trim() ?? '',
    machine(),
    `${processor.manufacturer} ${processor.brand}`.trim(),
    `${hardware.manufacturer} ${hardware.model}`.trim(),
    hardware.virtual ? hardware.virtualHost || 'unknown' : '',
  ];
}
