// Messages of the kernel's process connector. Pure. Sources: linux/cn_proc.h, linux/connector.h, netlink(7).

/** Offsets in a datagram: struct nlmsghdr, struct cn_msg, struct proc_event. */
const ACK = 28;
const WHAT = 36;
const TIME = 44;
const DATA = 52;

export const What = { Ack: 0, Fork: 1, Exec: 2, Comm: 0x200, Exit: 0x8000_0000 } as const;

const NLMSG_DONE = 3;
const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;
const LISTEN = 1;
/** Of the newest kernel; older ones send fewer. */
export const MAX_MESSAGE = 256;

/** One event; reused by its reader. */
export class KernelEvent {
  what = 0;
  /** Of the process; in a fork of the child. */
  pid = 0;
  parent = 0;
  /** Ms of CLOCK_MONOTONIC. */
  time = 0;
  /** As wait(2) gives it. */
  status = 0;
  /** An error number, of an acknowledgement. */
  error = 0;
  /** Of an acknowledgement: whose. Everybody who listens hears all of them. */
  token = 0;
}

/** False for what is none, for threads and for events of other kinds. */
export function parseEvent(view: DataView, length: number, into: KernelEvent): boolean {
  if (
    length < DATA + 8 ||
    view.getUint32(16, true) !== CN_IDX_PROC ||
    view.getUint32(20, true) !== CN_VAL_PROC
  )
    return false;
  const word = (index: number) => view.getUint32(DATA + 4 * index, true);
  into.what = view.getUint32(WHAT, true);
  into.time = (view.getUint32(TIME, true) + view.getUint32(TIME + 4, true) * 2 ** 32) / 1e6;
  switch (into.what) {
    case What.Ack:
      into.error = word(0);
      into.token = (view.getUint32(ACK, true) - 1) >>> 0;
      return true;
    case What.Fork:
      into.parent = word(1);
      into.pid = word(2);
      return length >= DATA + 16 && into.pid === word(3);
    case What.Exec:
      into.pid = word(1);
      return true;
    case What.Comm:
      into.pid = word(1);
      return into.pid === word(0);
    case What.Exit:
      into.pid = word(1);
      if (length < DATA + 16) return false;
      into.status = word(2);
      return into.pid === word(0);
    default:
      return false;
  }
}

/** Programs that begin, and those that take another name, or everything that happens to processes. */
export type Subscription = 'programs' | 'all';

/**
 * The request to be told; its acknowledgement bears the token, a word. From Linux 6.6 on the kernel takes a mask of events
 * and sends no others; before, it ignores a request with one.
 */
export function subscription(what: Subscription, masked: boolean, token: number): Uint8Array {
  const size = masked ? 8 : 4;
  const view = new DataView(new ArrayBuffer(WHAT + size));
  view.setUint32(0, view.byteLength, true);
  view.setUint16(4, NLMSG_DONE, true);
  view.setUint32(16, CN_IDX_PROC, true);
  view.setUint32(20, CN_VAL_PROC, true);
  view.setUint32(ACK, token, true);
  view.setUint16(32, size, true);
  view.setUint32(36, LISTEN, true);
  if (masked) view.setUint32(40, what === 'programs' ? NAMES : (What.Fork | NAMES | What.Exit) >>> 0, true);
  return new Uint8Array(view.buffer);
}

const NAMES = What.Exec | What.Comm;

const LOAD = 0x20;
const TO_X = 0x07;
const IF_X = 0x1d;
const IF = 0x15;
const RETURN = 0x06;
const ALL = 0xffff_ffff;

type Instruction = [code: number, yes: number, no: number, k: number];

const ALL_EVENTS: Instruction[] = [
  [LOAD, 0, 0, WHAT],
  [IF, 13, 0, swapped(What.Ack)],
  [IF, 12, 0, swapped(What.Exec)],
  [IF, 3, 0, swapped(What.Fork)],
  [IF, 6, 0, swapped(What.Exit)],
  [IF, 5, 0, swapped(What.Comm)],
  [RETURN, 0, 0, 0],
  // A fork: is the child its own thread group?
  [LOAD, 0, 0, DATA + 8],
  [TO_X, 0, 0, 0],
  [LOAD, 0, 0, DATA + 12],
  [IF_X, 4, 5, 0],
  // An exit or a name: of the group's leader?
  [LOAD, 0, 0, DATA],
  [TO_X, 0, 0, 0],
  [LOAD, 0, 0, DATA + 4],
  [IF_X, 0, 1, 0],
  [RETURN, 0, 0, ALL],
  [RETURN, 0, 0, 0],
];

const PROGRAMS: Instruction[] = [
  [LOAD, 0, 0, WHAT],
  [IF, 7, 0, swapped(What.Ack)],
  [IF, 6, 0, swapped(What.Exec)],
  [IF, 1, 0, swapped(What.Comm)],
  [RETURN, 0, 0, 0],
  [LOAD, 0, 0, DATA],
  [TO_X, 0, 0, 0],
  [LOAD, 0, 0, DATA + 4],
  [IF_X, 0, 1, 0],
  [RETURN, 0, 0, ALL],
  [RETURN, 0, 0, 0],
];

/** A classic BPF program that lets through what `parseEvent` takes: threads come and go without waking us. */
export function eventFilter(what: Subscription): Uint8Array {
  const program: Instruction[] = what === 'all' ? ALL_EVENTS : PROGRAMS;
  const view = new DataView(new ArrayBuffer(program.length * 8));
  for (const [i, [code, yes, no, k]] of program.entries()) {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, yes);
    view.setUint8(8 * i + 3, no);
    view.setUint32(8 * i + 4, k, true);
  }
  return new Uint8Array(view.buffer);
}

/** The filter loads words in network order, the kernel writes them in its own. */
function swapped(word: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, word, true);
  return view.getUint32(0);
}
