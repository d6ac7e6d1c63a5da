// One line of `journalctl -o json` to an entry. Pure. Source: journalctl(1), systemd.journal-fields(7), and
// https://systemd.io/JOURNAL_EXPORT_FORMATS (JSON).

/** A field: text, bytes where it is not UTF-8, a list where it occurs more than once, null where it was too long. */
export type Field = string | null | readonly (number | string | null | readonly number[])[];
export type Entry = Readonly<Record<string, Field | undefined>>;

/** Undefined for what is no JSON object. */
export function parseEntry(text: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Entry)
      : undefined;
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The (first) value of a field as it was written; undefined when it is absent or null. */
export function bytesOf(field: Field | undefined): Uint8Array | undefined {
  if (typeof field === 'string') return encoder.encode(field);
  if (!Array.isArray(field)) return undefined;
  return typeof field[0] === 'number' || field.length === 0
    ? Uint8Array.from(field as number[])
    : bytesOf(field[0] as Field);
}

/** The (first) value as text; ill-formed UTF-8 becomes U+FFFD. */
export function textOf(field: Field | undefined): string | undefined {
  if (typeof field === 'string') return field;
  const bytes = bytesOf(field);
  return bytes && decoder.decode(bytes);
}

/** A decimal up to 2^53 - 1, which microseconds since 1970 need; undefined for anything else. */
export function numberOf(field: Field | undefined): number | undefined {
  const text = textOf(field);
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

const FNV_PRIME = 0x01000193;

/** FNV-1a of a cursor, which is ASCII; `seed` makes independent words of 32 bits. */
export function hashCursor(cursor: string, seed: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < cursor.length; i++) hash = Math.imul(hash ^ cursor.charCodeAt(i), FNV_PRIME);
  return (hash ^ (hash >>> 15)) >>> 0;
}
