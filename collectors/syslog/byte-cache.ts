// What is known about byte strings that come again and again: tags, addresses. Direct-mapped, so of fixed size, and
// finding allocates nothing.

interface Slot<T> {
  readonly kind: number;
  readonly bytes: Uint8Array;
  readonly value: T;
}

export class ByteCache<T> {
  private readonly slots: (Slot<T> | undefined)[];

  /** `limit` must be a power of two. */
  constructor(limit: number) {
    this.slots = new Array(limit).fill(undefined);
  }

  /** The value of bytes `start..end`; `kind` tells apart equal bytes of different meaning. */
  get(kind: number, buf: Uint8Array, start: number, end: number): T | undefined {
    const slot = this.slots[this.index(kind, buf, start, end)];
    if (slot === undefined || slot.kind !== kind || slot.bytes.length !== end - start) return undefined;
    const { bytes } = slot;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return undefined;
    return slot.value;
  }

  /** Remembers a value instead of what had its place; the bytes are copied. */
  set(kind: number, buf: Uint8Array, start: number, end: number, value: T): void {
    this.slots[this.index(kind, buf, start, end)] = { kind, bytes: buf.slice(start, end), value };
  }

  clear(): void {
    this.slots.fill(undefined);
  }

  /** FNV-1a. */
  private index(kind: number, buf: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 ^ kind;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
    return (hash ^ (hash >>> 15)) & (this.slots.length - 1);
  }
}
