// The numbers of /proc/PID/statm, status, io and limits and of /proc/stat from their bytes. Pure. Sources:
// proc_pid_statm(5), proc_pid_status(5), proc_pid_io(5), proc_pid_limits(5), proc_stat(5).

/** With the end of the line before it. */
const nameOf = (text: string): Buffer => Buffer.from(`\n${text}`);

const READ = nameOf('read_bytes');
const WRITTEN = nameOf('write_bytes');
const OPEN_FILES = nameOf('Max open files');
const PSS = nameOf('Pss');

/** Where the lines of /proc/PID/status begin that say for whom and with which rights it runs, and how many they are. */
const RIGHTS: readonly (readonly [first: Buffer, lines: number])[] = [
  [Buffer.from('\nUid:'), 2],
  [Buffer.from('\nCapInh:'), 7],
];

/** In bytes; NaN where it is unknown. */
export interface Memory {
  readonly virtual: number;
  readonly resident: number;
  readonly anonymous: number;
}

/** Each is NaN where the kernel does not tell it. */
export interface Status {
  /** Bytes. */
  readonly anonymous: number;
  readonly swap: number;
  /** Of the main thread: the kernel tells no sum. */
  readonly voluntary: number;
  readonly involuntary: number;
}

/** In the kernel's order. */
const STATUS = ['VmRSS', 'RssAnon', 'VmSwap', 'voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches'].map(
  nameOf,
);

/**
 * How far behind one another the names in a status stood the last time. In most they stand so again, and need not be looked
 * for: a tenth of what a process that runs costs (bench/processes.ts).
 */
export type Layout = Int32Array;
export const createLayout = (): Layout => new Int32Array(STATUS.length + RIGHTS.length);

/** A process without memory, a kernel thread or a zombie, has no memory lines: what is not there is 0. */
export function parseStatus(buf: Buffer, length: number, layout = createLayout()): Status {
  const [resident, anonymous, swap, voluntary, involuntary] = numbersOf(buf, length, STATUS, layout);
  const bytes = (kibibytes: number): number =>
    Number.isNaN(resident!) && Number.isNaN(kibibytes) ? 0 : kibibytes * 1024;
  return {
    anonymous: bytes(anonymous!),
    swap: bytes(swap!),
    voluntary: voluntary!,
    involuntary: involuntary!,
  };
}

/**
 * The same figures as VmSize, VmRSS and RssAnon of status, for an eighth of the kernel's time; `anonymous` NaN unless the
 * kernel `tells` it apart. `before` where nothing has changed.
 */
export function parseMemory(
  buf: Buffer,
  length: number,
  pageSize: number,
  tells = true,
  before?: Memory,
): Memory {
  const second = nextAt(buf, 0, length);
  const pages = numberAt(buf, second, length);
  const virtual = numberAt(buf, 0, length) * pageSize;
  const resident = pages * pageSize;
  const anonymous = tells
    ? (pages - numberAt(buf, nextAt(buf, second, length), length)) * pageSize
    : Number.NaN;
  return memoryOf(virtual, resident, anonymous, before);
}

/** What statm says, in pages. */
export interface Pages {
  virtual: number;
  resident: number;
  shared: number;
}

/** Takes the first three numbers of statm into `pages`; whether they were the same before. */
export function takePages(buf: Buffer, length: number, pages: Pages): boolean {
  const second = nextAt(buf, 0, length);
  const virtual = numberAt(buf, 0, length);
  const resident = numberAt(buf, second, length);
  const shared = numberAt(buf, nextAt(buf, second, length), length);
  if (pages.resident === resident && pages.shared === shared && pages.virtual === virtual) return true;
  pages.virtual = virtual;
  pages.resident = resident;
  pages.shared = shared;
  return false;
}

/** `before` where it is the same: of what is unknown in both, nothing has changed. */
function memoryOf(virtual: number, resident: number, anonymous: number, before: Memory | undefined): Memory {
  const same =
    before !== undefined &&
    Object.is(before.virtual, virtual) &&
    Object.is(before.resident, resident) &&
    Object.is(before.anonymous, anonymous);
  return same ? before : { virtual, resident, anonymous };
}

/** Behind the next blank. */
function nextAt(buf: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && buf[at] !== 0x20) at++;
  return at + 1;
}

/** Bytes fetched from and sent to storage; NaN where the kernel does not tell. */
export interface Io {
  readonly read: number;
  readonly written: number;
}

/** `before` where nothing has changed. */
export function parseIo(buf: Buffer, length: number, before?: Io): Io {
  const readAt = endNearby(buf, length, READ, 0);
  const writtenAt = endNearby(buf, length, WRITTEN, Math.max(0, readAt));
  const read = readAt < 0 ? Number.NaN : numberAt(buf, readAt, length);
  const written = writtenAt < 0 ? Number.NaN : numberAt(buf, writtenAt, length);
  return before?.read === read && before.written === written ? before : { read, written };
}

/** The soft limit of open files; Infinity for `unlimited`, NaN when it is not there. */
export const parseOpenFilesLimit = (buf: Buffer, length: number): number => numberOf(buf, length, OPEN_FILES);

/** AT_PAGESZ of an auxiliary vector of a 64-bit process (getauxval(3)), in bytes; undefined when it is not there. */
export function parsePageSize(vector: Buffer): number | undefined {
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  return undefined;
}
const AT_PAGESZ = 6n;

/** The proportional set size in /proc/PID/smaps_rollup, in bytes; NaN when it is not there. */
export const parsePss = (buf: Buffer, length: number): number => numberOf(buf, length, PSS) * 1024;

/** Fields 23 and 24 of /proc/PID/stat, in bytes; NaN when they are not there. `before` as above. */
export function parseStatMemory(
  buf: Buffer,
  length: number,
  pageSize: number,
  anonymous: number,
  before?: Memory,
): Memory {
  const text = buf.toString('latin1', 0, Math.max(0, length));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return memoryOf(Number(fields[20]), Math.max(0, Number(fields[21]) * pageSize), anonymous, before);
}

/** Another number when a process runs for somebody else, or with other rights, than before. */
export function parseRights(buf: Buffer, length: number, layout = createLayout()): number {
  let hash = 0;
  let at = 0;
  for (let i = 0; i < RIGHTS.length; i++) {
    const [first, lines] = RIGHTS[i]!;
    const guess = at + layout[STATUS.length + i]!;
    const found = isAt(buf, length, first, guess) ? guess : buf.indexOf(first, at);
    if (found < 0 || found + first.length >= length) continue;
    layout[STATUS.length + i] = found - at;
    let left = lines;
    for (at = found + 1; at < length && left > 0; at++) {
      hash = (Math.imul(hash, 31) + buf[at]!) | 0;
      if (buf[at] === NEWLINE) left--;
    }
  }
  return hash;
}

/** The number behind a name at the beginning of a line, separated by blanks or a colon; NaN when it is not there. */
function numberOf(buf: Buffer, length: number, name: Buffer): number {
  const end = endOf(buf, length, name, 0);
  return end < 0 ? Number.NaN : numberAt(buf, end, length);
}

/**
 * The numbers behind names at the beginning of lines, separated by blanks or a colon; NaN for those not found, and for
 * those that stand before one named earlier.
 */
function numbersOf(buf: Buffer, length: number, wanted: readonly Buffer[], layout: Layout): number[] {
  const found: number[] = [];
  let from = 0;
  for (let i = 0; i < wanted.length; i++) {
    const name = wanted[i]!;
    const guess = from + layout[i]!;
    const end =
      isAt(buf, length, name, guess) && isGap(buf[guess + name.length]!)
        ? guess + name.length
        : endOf(buf, length, name, from);
    found.push(end < 0 ? Number.NaN : numberAt(buf, end, length));
    if (end < 0) continue;
    layout[i] = end - name.length - from;
    from = end;
  }
  return found;
}

/** Whether it stands there, with something behind it. */
function isAt(buf: Buffer, length: number, name: Buffer, at: number): boolean {
  if (at < 0 || at + name.length >= length) return false;
  for (let i = 0; i < name.length; i++) if (buf[at + i] !== name[i]) return false;
  return true;
}

/** Where the name ends that begins a line at `from` or later; -1 without one. */
function endOf(buf: Buffer, length: number, name: Buffer, from: number): number {
  if (from === 0 && isFirst(buf, name)) return name.length - 1;
  for (let at = from; ; ) {
    at = buf.indexOf(name, at);
    if (at < 0) return -1;
    at += name.length;
    if (at >= length) return -1;
    if (isGap(buf[at]!)) return at;
  }
}

/** The same byte by byte, but for the first line: of a hundred bytes that takes a third of a call. */
function endNearby(buf: Buffer, length: number, name: Buffer, from: number): number {
  for (let at = from; at < length; at++)
    if (buf[at] === NEWLINE && isAt(buf, length, name, at) && isGap(buf[at + name.length]!))
      return at + name.length;
  return -1;
}

/** Of the file, whose first line has no line before it. */
function isFirst(buf: Buffer, name: Buffer): boolean {
  if (!isGap(buf[name.length - 1]!)) return false;
  for (let i = 1; i < name.length; i++) if (buf[i - 1] !== name[i]) return false;
  return true;
}

const NEWLINE = 0x0a;
const isGap = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x3a;

function numberAt(buf: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isGap(buf[at]!)) at++;
  if (at < end && buf[at] === 0x75) return Infinity;
  const first = at;
  let value = 0;
  for (; at < end; at++) {
    const digit = buf[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return at === first ? Number.NaN : value;
}
