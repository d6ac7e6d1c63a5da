// One number for a run of bytes: what identities, fingerprints and record ids compare. Pure.

/**
 * A 53-bit hash of bytes `start..end`: two 32-bit FNV-1a lanes with different offsets, mixed. Made to tell logs apart,
 * not to resist an attacker.
 */
export function hashOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte ^ (low >>> 24), 0x85ebca6b);
  }
  return mix(high) * 0x200000 + (mix(low) >>> 11);
}

/** Murmur3's finalizer: every bit of the input moves every bit of the result, 0..2^32-1. */
export function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
