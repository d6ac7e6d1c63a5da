// /proc/PID/stat from its bytes: who a process is and what it has used. Pure. Source: proc_pid_stat(5).

/**
 * Who it is never changes in one object, all else may. Counters are ticks of 1/100 s or events. Beyond 2^53 they lose
 * their last digits, as every double does.
 */
export interface Stat {
  readonly pid: number;
  /** As the kernel gives it; ill-formed UTF-8 becomes U+FFFD. */
  readonly comm: string;
  readonly ppid: number;
  /** Ticks after boot. */
  readonly startTicks: number;
  /** Device number of the controlling terminal; 0 for none. */
  readonly terminal: number;
  /** Where the stack begins, which every exec draws anew; 0 without the right to know, NaN where it is not told. */
  readonly stack: number;
  /** One letter: R S D Z T t X I P. */
  state: string;
  /** Its id; the process whose pid that is leads it. */
  session: number;
  kernelThread: boolean;
  minorFaults: number;
  majorFaults: number;
  userTicks: number;
  systemTicks: number;
  /** The same of children that ended and were waited for. */
  childMinorFaults: number;
  childMajorFaults: number;
  childUserTicks: number;
  childSystemTicks: number;
  threads: number;
}

/** USER_HZ: 100 on every architecture Node runs on. */
export const TICKS_PER_SECOND = 100;

/** What the kernel keeps of a name: TASK_COMM_LEN, less the NUL behind it. Source: proc_pid_comm(5). */
export const COMM_BYTES = 15;

/** What the kernel calls a process of this file or title. */
export const commOf = (name: string): string => decoder.decode(encoder.encode(name).subarray(0, COMM_BYTES));

/** Pids are given again; with the start time one names a process. */
export const isSameProcess = (
  a: Pick<Stat, 'pid' | 'startTicks'>,
  b: Pick<Stat, 'pid' | 'startTicks'>,
): boolean => a.pid === b.pid && a.startTicks === b.startTicks;

/** A zombie only waits to be noticed; one whose other threads go on has lost no more than its first. */
export const hasEnded = ({ state, threads }: Pick<Stat, 'state' | 'threads'>): boolean =>
  (state === 'Z' || state === 'X') && threads <= 1;

const PF_KTHREAD = 0x00200000;
const OPEN = 0x28;
const CLOSE = 0x29;
const SPACE = 0x20;
const MINUS = 0x2d;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** The fields behind the name, one after another. */
class Fields {
  private readonly buf: Uint8Array;
  private readonly length: number;
  private at: number;
  /** One was missing, or no number. */
  broken = false;

  constructor(buf: Uint8Array, length: number, at: number) {
    this.buf = buf;
    this.length = length;
    this.at = at;
  }

  next(): number {
    const { buf, length } = this;
    let at = this.at;
    if (at >= length || buf[at] !== SPACE) this.broken = true;
    const negative = buf[++at] === MINUS;
    if (negative) at++;
    const start = at;
    let value = 0;
    for (; at < length; at++) {
      const digit = buf[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === start) this.broken = true;
    this.at = at;
    return negative ? -value : value;
  }

  skip(count: number): void {
    for (let left = count; left > 0 && this.at < this.length; left--)
      while (++this.at < this.length && this.buf[this.at] !== SPACE);
  }
}

/**
 * The content of the file, bytes `0..length`; undefined when it is cut short or no such file. `before`, brought up to date,
 * where it is the same process, of the same name, parent, terminal and program, still.
 */
export function parseStat(buf: Uint8Array, length: number, before?: Stat): Stat | undefined {
  let space = 0;
  let pid = 0;
  for (; space < length && buf[space] !== SPACE; space++) {
    const digit = buf[space]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    pid = pid * 10 + digit;
  }
  const open = space + 1;
  // The name may hold parentheses and blanks itself; nothing behind it does.
  let close = length - 1;
  while (close > open && buf[close] !== CLOSE) close--;
  if (space === 0 || buf[open] !== OPEN || close <= open || close + 3 > length) return undefined;
  if (!Number.isSafeInteger(pid)) return undefined;
  const fields = new Fields(buf, length, close + 3);
  const comm =
    before && isText(buf, open + 1, close, before.comm) ? before.comm : decode(buf, open + 1, close);
  const state = String.fromCharCode(buf[close + 2]!);
  // In this order they stand in the file, from the fourth on.
  const ppid = fields.next();
  const same = before?.pid === pid && before.ppid === ppid && before.comm === comm;
  const stat = same ? before : emptyStat(pid, comm, ppid);
  stat.state = state;
  fields.next();
  stat.session = fields.next();
  const terminal = fields.next();
  fields.next();
  stat.kernelThread = (fields.next() & PF_KTHREAD) !== 0;
  stat.minorFaults = fields.next();
  stat.childMinorFaults = fields.next();
  stat.majorFaults = fields.next();
  stat.childMajorFaults = fields.next();
  stat.userTicks = fields.next();
  stat.systemTicks = fields.next();
  stat.childUserTicks = fields.next();
  stat.childSystemTicks = fields.next();
  fields.next();
  fields.next();
  stat.threads = fields.next();
  fields.next();
  const startTicks = fields.next();
  if (fields.broken) return undefined;
  fields.skip(5);
  const told = fields.next();
  const stack = fields.broken ? Number.NaN : told;
  const isStill =
    stat.startTicks === startTicks && stat.terminal === terminal && Object.is(stat.stack, stack);
  return isStill ? stat : { ...stat, startTicks, terminal, stack };
}

const emptyStat = (pid: number, comm: string, ppid: number): Stat => ({
  pid,
  comm,
  ppid,
  startTicks: -1,
  state: '',
  session: 0,
  terminal: 0,
  kernelThread: false,
  minorFaults: 0,
  majorFaults: 0,
  userTicks: 0,
  systemTicks: 0,
  childMinorFaults: 0,
  childMajorFaults: 0,
  childUserTicks: 0,
  childSystemTicks: 0,
  threads: 0,
  stack: Number.NaN,
});

/** ASCII by hand: a call of the decoder takes as long as all the numbers. */
function decode(buf: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = buf[i]!;
    if (byte > 0x7f) return decoder.decode(buf.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Of ASCII alone: whatever else is decoded anew. */
function isText(buf: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = buf[start + i]!;
    if (byte > 0x7f || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}
