// A setting of the kernel that is as it was before, whatever way the bench ends.

import { readFileSync, writeFileSync } from 'node:fs';

/** Runs `work` for each of the values of the file below /proc/sys. */
export async function withEach(
  path: string,
  values: readonly string[],
  work: (value: string) => Promise<void>,
): Promise<void> {
  const kept = readFileSync(path, 'utf8');
  const restore = () => writeFileSync(path, kept);
  const leave = () => process.exit(1);
  process.once('exit', restore);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, leave);
  try {
    for (const value of values) {
      writeFileSync(path, value);
      await work(value);
    }
  } finally {
    restore();
    process.off('exit', restore);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, leave);
  }
}
