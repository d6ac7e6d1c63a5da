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
const LAST_FIELD = 22;
const CLOSE = 0x29;
const SPACE = 0x20;
const MINUS = 0x2d;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The content of the file, bytes `0..length`; undefined when it is cut short or no such file. */
export function parseStat(buf: Uint8Array, length: number): Stat | undefined {
  const open = buf.indexOf(0x28);
  // The name may hold parentheses and blanks itself; nothing behind it does.
  let close = length - 1;
  while (close > open && buf[close] !== CLOSE) close--;
  if (open < 2 || close <= open || close + 3 > length) return undefined;
  const fields = new Float64Array(LAST_FIELD + 1);
  let at = close + 3;
  for (let field = 4; field <= LAST_FIELD; field++) {
    if (at >= length || buf[at] !== SPACE) return undefined;
    const negative = buf[++at] === MINUS;
    if (negative) at++;
    const start = at;
    let value = 0;
    for (; at < length; at++) {
      const digit = buf[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === start) return undefined;
    fields[field] = negative ? -value : value;
  }
  const pid = Number(decoder.decode(buf.subarray(0, open - 1)));
  if (!Number.isSafeInteger(pid)) return undefined;
  return {
    pid,
    comm: decoder.decode(buf.subarray(open + 1, close)),
    state: String.fromCharCode(buf[close + 2]!),
    ppid: fields[4]!,
    session: fields[6]!,
    terminal: fields[7]!,
    kernelThread: (fields[9]! & PF_KTHREAD) !== 0,
    minorFaults: fields[10]!,
    childMinorFaults: fields[11]!,
    majorFaults: fields[12]!,
    childMajorFaults: fields[13]!,
    userTicks: fields[14]!,
    systemTicks: fields[15]!,
    childUserTicks: fields[16]!,
    childSystemTicks: fields[17]!,
    threads: fields[20]!,
    startTicks: fields[22]!,
  };
}
