// The numbers of /proc/PID/status, io and limits and of /proc/stat from their bytes. Pure. Sources: proc_pid_status(5),
// proc_pid_io(5), proc_pid_limits(5), proc_stat(5).

const encoder = new TextEncoder();
const names = (...texts: string[]): readonly Uint8Array[] => texts.map(text => encoder.encode(text));

const STATUS = names(
  'VmSize',
  'VmRSS',
  'RssAnon',
  'VmSwap',
  'voluntary_ctxt_switches',
  'nonvoluntary_ctxt_switches',
);
const IO = names('read_bytes', 'write_bytes');
const OPEN_FILES = names('Max open files');
const PSS = names('Pss');

/** Memory in bytes. Each is NaN where the kernel does not tell it. */
export interface Status {
  readonly virtual: number;
  readonly resident: number;
  readonly anonymous: number;
  readonly swap: number;
  /** Of the main thread: the kernel tells no sum. */
  readonly voluntary: number;
  readonly involuntary: number;
}

/** A process without memory, a kernel thread or a zombie, has no memory lines: then all of it is 0. */
export function parseStatus(buf: Uint8Array, length: number): Status {
  const [virtual, resident, anonymous, swap, voluntary, involuntary] = numbersOf(buf, length, STATUS);
  const bytes = (kibibytes: number): number => (Number.isNaN(resident!) ? 0 : kibibytes * 1024);
  return {
    virtual: bytes(virtual!),
    resident: bytes(resident!),
    anonymous: bytes(anonymous!),
    swap: bytes(swap!),
    voluntary: voluntary!,
    involuntary: involuntary!,
  };
}

/** Bytes fetched from and sent to storage; NaN where the kernel does not tell. */
export function parseIo(buf: Uint8Array, length: number): { read: number; written: number } {
  const [read, written] = numbersOf(buf, length, IO);
  return { read: read!, written: written! };
}

/** The soft limit of open files; Infinity for `unlimited`, NaN when it is not there. */
export const parseOpenFilesLimit = (buf: Uint8Array, length: number): number =>
  numbersOf(buf, length, OPEN_FILES)[0]!;

/** The proportional set size in /proc/PID/smaps_rollup, in bytes; NaN when it is not there. */
export const parsePss = (buf: Uint8Array, length: number): number => numbersOf(buf, length, PSS)[0]! * 1024;

/** Seconds, the first word of /proc/uptime; NaN when it is not there. */
export function parseUptime(buf: Uint8Array, length: number): number {
  const [, seconds] =
    /^(\d+(?:\.\d+)?)\s/.exec(
      Buffer.from(buf.buffer, buf.byteOffset, Math.max(0, length)).toString('latin1'),
    ) ?? [];
  return seconds === undefined ? Number.NaN : Number(seconds);
}

/** The numbers behind names at the beginning of lines, separated by blanks or a colon; NaN for those not found. */
function numbersOf(buf: Uint8Array, length: number, wanted: readonly Uint8Array[]): Float64Array {
  const found = new Float64Array(wanted.length).fill(Number.NaN);
  let left = wanted.length;
  for (let line = 0; line < length && left > 0; ) {
    // Lines are short: a loop is faster here than a call of indexOf.
    let end = line;
    while (end < length && buf[end] !== 0x0a) end++;
    const first = buf[line];
    for (let i = 0; i < wanted.length; i++) {
      const name = wanted[i]!;
      if (first !== name[0] || !startsWith(buf, line, end, name)) continue;
      found[i] = numberAt(buf, line + name.length, end);
      left--;
      break;
    }
    line = end + 1;
  }
  return found;
}

const isGap = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x3a;

function startsWith(buf: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start <= name.length || !isGap(buf[start + name.length]!)) return false;
  for (let i = 0; i < name.length; i++) if (buf[start + i] !== name[i]) return false;
  return true;
}

function numberAt(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isGap(buf[at]!)) at++;
  if (buf[at] === 0x75) return Infinity;
  const first = at;
  let value = 0;
  for (; at < end; at++) {
    const digit = buf[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return at === first ? Number.NaN : value;
}
