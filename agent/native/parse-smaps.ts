// Memory mappings as /proc/PID/smaps tells them: proc_pid_smaps(5). Pure.

/** What a mapping begins with, and the line that says how much of it was written to. */
const MAPPING =
  /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ +(.*)\n(?:[A-Z].*\n)*?Anonymous: +(\d+) kB$/gm;

export interface Extent {
  readonly address: number;
  readonly size: number;
}

/**
 * Of the program loaded from file `path`: what is mapped from it, cannot be written to and never was, so that it can be
 * read back from there at any time. Copies of parts of it that stand elsewhere, as V8 makes them of its builtins, come and
 * go and are left out.
 */
export function cleanExtents(smaps: string, path: string): Extent[] {
  const found: Extent[] = [];
  let loadedTo = -1;
  for (const [, from, to, access, offset, file, anonymous] of smaps.matchAll(MAPPING)) {
    const [address, end] = [Number.parseInt(from!, 16), Number.parseInt(to!, 16)];
    // Segments of a program follow one another from its first byte on.
    if (file !== path || !(address === loadedTo || Number.parseInt(offset!, 16) === 0)) continue;
    loadedTo = end;
    if (access![1] === '-' && anonymous === '0') found.push({ address, size: end - address });
  }
  return found;
}
