// Which programs began of late: a table in shared memory. The thread that watches them begin writes it; whoever hears of a
// process that has ended since reads it. A newer program takes the place of an older one. Pure.

/** A program as it began: its path, and of its process the parent and the device number of the terminal, 0 for none. */
export interface Beginning {
  readonly exe: string;
  readonly ppid: number;
  readonly terminal: number;
}

export interface Begun {
  /** `at` in Unix ms. What has a path that is longer than its place is not kept. */
  note(pid: number, at: number, beginning: Beginning): void;
  /** The program that the process ran at `at`; undefined when nobody saw it begin, or not of late. */
  of(pid: number, at: number): Beginning | undefined;
}

const SLOTS = 1024;
const SLOT_BYTES = 256;
export const BEGUN_BYTES = SLOTS * SLOT_BYTES;

/** Of a slot, in words: odd while it is written, who, when (a double), what, and how long the path is that stands behind. */
const Slot = { Turn: 0, Pid: 1, At: 2, Parent: 4, Terminal: 5, Length: 6, Path: 7 } as const;
const PATH_BYTES = SLOT_BYTES - Slot.Path * 4;
/** Between the kernel's word that a program begins and somebody's look at the clock. */
const LATE_MS = 1000;
/** Older, the process may have forked under another's number. */
const OLD_MS = 60_000;

export function createBegun(memory: SharedArrayBuffer): Begun {
  const words = new Int32Array(memory);
  const times = new Float64Array(memory);
  const bytes = new Uint8Array(memory);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const slotOf = (pid: number): number => (pid % SLOTS) * (SLOT_BYTES / 4);
  return {
    note(pid, at, { exe, ppid, terminal }) {
      const path = encoder.encode(exe);
      if (path.length > PATH_BYTES) return;
      const slot = slotOf(pid);
      Atomics.add(words, slot + Slot.Turn, 1);
      words[slot + Slot.Pid] = pid;
      times[(slot + Slot.At) / 2] = at;
      words[slot + Slot.Parent] = ppid;
      words[slot + Slot.Terminal] = terminal;
      words[slot + Slot.Length] = path.length;
      bytes.set(path, (slot + Slot.Path) * 4);
      Atomics.add(words, slot + Slot.Turn, 1);
    },
    of(pid, at) {
      const slot = slotOf(pid);
      const turn = Atomics.load(words, slot + Slot.Turn);
      if (turn % 2 !== 0 || words[slot + Slot.Pid] !== pid) return undefined;
      const age = at - times[(slot + Slot.At) / 2]!;
      const [ppid, terminal] = [words[slot + Slot.Parent]!, words[slot + Slot.Terminal]!];
      const start = (slot + Slot.Path) * 4;
      const path = bytes.slice(start, start + words[slot + Slot.Length]!);
      if (Atomics.load(words, slot + Slot.Turn) !== turn) return undefined;
      return age > -LATE_MS && age < OLD_MS ? { exe: decoder.decode(path), ppid, terminal } : undefined;
    },
  };
}
