// Card numbers in text: digits, whole or in groups, of an issuer's range and with the check digit of ISO/IEC 7812-1.

const ZERO = 48;
const SHORTEST = 13;
const LONGEST = 19;
/** Thirteen digits, at most one blank or dash between two: what a text without them has not. */
const HINT = new RegExp(Array(SHORTEST).fill('\\d').join('[ -]?'));

/** Beginning and lengths of the numbers that issuers give out. */
const ISSUERS: readonly (readonly [beginning: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(?:0[0-5]|095|[689])/, [14, 16, 19]],
  [/^(?:6011|64[4-9]|65)/, [16, 19]],
  [/^62/, [16, 17, 18, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 19]],
  [/^(?:50|5[6-9]|6[0378])/, [13, 14, 15, 16, 17, 18, 19]],
];

export const mayHoldCard = (text: string): boolean => HINT.test(text);

/** Start and end of each card number, in order: it begins and ends where a group of digits does. */
export function cardSpans(text: string): readonly number[] {
  const spans: number[] = [];
  if (!mayHoldCard(text)) return spans;
  for (let at = 0; at < text.length; ) {
    if (!isDigit(text, at)) at++;
    else {
      const end = cardEnd(text, at);
      if (end > 0) spans.push(at, end);
      at = end > 0 ? end : groupEnd(text, at);
    }
  }
  return spans;
}

/** Where the longest card number ends that begins with the group at `start`; 0 when none does. */
function cardEnd(text: string, start: number): number {
  let digits = '';
  let found = 0;
  for (let at = start; ; at++) {
    const end = groupEnd(text, at);
    if (digits.length + end - at > LONGEST) return found;
    digits += text.slice(at, end);
    if (isCard(digits)) found = end;
    at = end;
    if ((text[at] !== ' ' && text[at] !== '-') || !isDigit(text, at + 1)) return found;
  }
}

const isDigit = (text: string, at: number): boolean => {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9;
};

function groupEnd(text: string, start: number): number {
  let at = start;
  while (isDigit(text, at)) at++;
  return at;
}

/** Whether digits alone are a card number. */
export function isCard(digits: string): boolean {
  if (digits.length < SHORTEST) return false;
  let sum = 0;
  for (let i = 1; i <= digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - i) - ZERO;
    const doubled = i % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (
    sum % 10 === 0 &&
    ISSUERS.some(([beginning, lengths]) => lengths.includes(digits.length) && beginning.test(digits))
  );
}
