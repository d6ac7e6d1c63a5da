// Looking for words in bytes. Pure.

export const SPACE = 32;
const TAB = 9;

export const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB;
export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

/** The first byte from `i` that is not a blank. */
export function skipBlanks(buf: Uint8Array, i: number, end: number): number {
  let at = i;
  while (at < end && isBlank(buf[at])) at++;
  return at;
}

export function startsWith(buf: Uint8Array, i: number, end: number, word: Uint8Array): boolean {
  if (end - i < word.length) return false;
  for (let k = 0; k < word.length; k++) if (buf[i + k] !== word[k]) return false;
  return true;
}

export function includes(buf: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  const last = end - word.length;
  const [first, second] = word;
  for (let i = start; i <= last; i++)
    if (buf[i + 1] === second && buf[i] === first && startsWith(buf, i, end, word)) return true;
  return false;
}
