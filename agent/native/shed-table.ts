// Whose messages were shed, between the reader thread and the consumer, in memory they share: two tables, of which one
// fills while the other is read. Only shedding touches it; nothing is allocated for a message.

/** Senders told apart in one turn; the last place is that of all others. */
const SENDERS = 64;
const PROBES = 8;
/** Words of a place: messages, kind, and the four of the sender. */
const WORDS = 6;
const TABLE = (SENDERS + 1) * WORDS;

const Kind = { Free: 0, Process: 1, Peer: 2 } as const;

/** Messages of one sender: a process, or a peer by the 16 bytes of its address; neither of those beyond the table. */
export interface Shed {
  readonly count: number;
  readonly pid: number;
  readonly uid: number;
  readonly address: Uint8Array | undefined;
}

export class ShedTable {
  /** Cells of the shared memory, from `first` on. */
  static readonly cells = 1 + 2 * TABLE;
  private readonly shared: Int32Array;
  private readonly first: number;

  constructor(shared: Int32Array, first: number) {
    this.shared = shared;
    this.first = first;
  }

  /** Counts one message of a process (pid and uid, two zeros) or of a peer (its address). */
  add(isPeer: boolean, a: number, b: number, c: number, d: number): void {
    const { shared } = this;
    const table = this.first + 1 + (Atomics.load(shared, this.first) & 1) * TABLE;
    const kind = isPeer ? Kind.Peer : Kind.Process;
    const hash = Math.imul(a ^ Math.imul(b ^ c ^ Math.imul(d, 31), 0x85ebca6b), 0x9e3779b1) >>> 26;
    for (let i = 0; i < PROBES; i++) {
      const place = table + ((hash + i) % SENDERS) * WORDS;
      if (shared[place + 1] === Kind.Free) {
        shared[place + 1] = kind;
        shared[place + 2] = a;
        shared[place + 3] = b;
        shared[place + 4] = c;
        shared[place + 5] = d;
      } else if (
        shared[place + 1] !== kind ||
        shared[place + 2] !== (a | 0) ||
        shared[place + 3] !== (b | 0) ||
        shared[place + 4] !== (c | 0) ||
        shared[place + 5] !== (d | 0)
      )
        continue;
      shared[place]!++;
      return;
    }
    shared[table + SENDERS * WORDS]!++;
  }

  /** What the table at rest holds; the other comes to rest with this call, and is read by the next. */
  take(): Shed[] {
    const { shared } = this;
    const active = Atomics.load(shared, this.first) & 1;
    const table = this.first + 1 + (1 - active) * TABLE;
    const found: Shed[] = [];
    for (let place = table; place < table + TABLE; place += WORDS) {
      const count = shared[place]! >>> 0;
      if (count === 0) continue;
      const [, kind, a, b] = shared.subarray(place, place + WORDS);
      const isProcess = kind === Kind.Process;
      found.push({
        count,
        pid: isProcess ? a! : 0,
        uid: isProcess ? b! >>> 0 : 0,
        address:
          kind === Kind.Peer
            ? new Uint8Array(Int32Array.from(shared.subarray(place + 2, place + WORDS)).buffer)
            : undefined,
      });
    }
    shared.fill(0, table, table + TABLE);
    Atomics.store(shared, this.first, 1 - active);
    return found;
  }
}
