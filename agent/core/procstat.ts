// /proc/PID/stat from its bytes: who a process is and what it has used. Pure. Source: proc_pid_stat(5).

/** Counters are ticks of 1/100 s or events. Beyond 2^53 they lose their last digits, as every double does. */
export interface Stat {
  readonly pid: number;
  /** As the kernel gives it; ill-formed UTF-8 becomes U+FFFD. */
  readonly comm: string;
  /** One letter: R S D Z T t X I P. */
  readonly state: string;
  readonly ppid: number;
  /** Its id; the process whose pid that is leads it. */
  readonly session: number;
  /** Device number of the controlling terminal; 0 for none. */
  readonly terminal: number;
  readonly kernelThread: boolean;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  /** The same of children that ended and were waited for. */
  readonly childMinorFaults: number;
  readonly childMajorFaults: number;
  readonly childUserTicks: number;
  readonly childSystemTicks: number;
  readonly threads: number;
  /** Ticks after boot. */
  readonly startTicks: number;
}

/** USER_HZ: 100 on every architecture Node runs on. */
export const TICKS_PER_SECOND = 100;

const PF_KTHREAD = 0x00200000;
const OPEN = 0x28;
const CLOSE = 0x29;
const SPACE = 0x20;
const MINUS = 0x2d;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

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
}

/**
 * The content of the file, bytes `0..length`; undefined when it is cut short or no such file. The name is taken from
 * `before` where it is the same.
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
  // In this order they stand in the file, from the fourth on.
  const ppid = fields.next();
  fields.next();
  const session = fields.next();
  const terminal = fields.next();
  fields.next();
  const kernelThread = (fields.next() & PF_KTHREAD) !== 0;
  const minorFaults = fields.next();
  const childMinorFaults = fields.next();
  const majorFaults = fields.next();
  const childMajorFaults = fields.next();
  const userTicks = fields.next();
  const systemTicks = fields.next();
  const childUserTicks = fields.next();
  const childSystemTicks = fields.next();
  fields.next();
  fields.next();
  const threads = fields.next();
  fields.next();
  const startTicks = fields.next();
  if (fields.broken) return undefined;
  return {
    pid,
    comm: before && isText(buf, open + 1, close, before.comm) ? before.comm : decode(buf, open + 1, close),
    state: String.fromCharCode(buf[close + 2]!),
    ppid,
    session,
    terminal,
    kernelThread,
    minorFaults,
    majorFaults,
    userTicks,
    systemTicks,
    childMinorFaults,
    childMajorFaults,
    childUserTicks,
    childSystemTicks,
    threads,
    startTicks,
  };
}

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
