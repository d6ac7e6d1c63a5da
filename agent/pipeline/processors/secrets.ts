// Secrets by their shape, and by the names that stand before them. Every rule has words to look for first, so that a text
// without secrets costs one look; what then searches takes linear time.

import type { Patterns } from '../../core/pattern.ts';
import type { Secret } from '../../core/processor.ts';
import { cardSpans, mayHoldCard } from './cards.ts';

/** Where the secrets of a text are, as `Pattern.spans()` tells it. */
export type Find = (text: string) => readonly number[];

interface Rule {
  /** Alternatives without repetition: the platform's engine looks for them in one pass. */
  readonly hint: RegExp;
  /** RE2: groups are the secrets, else all of the match. */
  readonly pattern: string;
}

/** Between a name and its value: `=`, `:`, `=>`, with quotes (as they are or escaped) and blanks around. */
const IS = String.raw`(?:\\?["'])?\s{0,8}(?:=>|[=:])\s{0,8}`;
/** A value: in quotes, escaped or not, up to their end; else up to a blank, or the end of a query parameter. */
const VALUE = [
  String.raw`\\"((?:[^"\\]|\\[^"])+)`,
  String.raw`"((?:[^"\\]|\\(?s:.))+)`,
  "'([^']+)",
  String.raw`([^\s"'&;<>\\][^\s"'&;<>]*)`,
].join('|');

const named = (hint: RegExp, names: string): Rule => ({ hint, pattern: `(?i:${names})${IS}(?:${VALUE})` });

const RULES: Readonly<Record<Exclude<Secret, 'card'>, readonly Rule[]>> = {
  token: [
    {
      hint: /eyJ|gh[pousr]_|github_pat_|glpat-|xox|k_live_|k_test_|npm_|pypi-|hf_|sk-|SG\.|dop_v1_|ya29\./,
      pattern: [
        String.raw`eyJ[\w-]{8,}\.[\w-]{2,}(?:\.[\w-]*)*`,
        String.raw`gh[pousr]_\w{16,}`,
        String.raw`github_pat_\w{16,}`,
        String.raw`glpat-[\w-]{16,}`,
        String.raw`\bxox[a-z]-[\w-]{8,}`,
        String.raw`\b[rsp]k_(?:live|test)_\w{8,}`,
        String.raw`\bnpm_\w{30,}`,
        String.raw`pypi-[\w-]{16,}`,
        String.raw`\bhf_\w{16,}`,
        String.raw`\bsk-[\w-]{16,}`,
        String.raw`\bSG\.[\w-]{16,}\.[\w-]{16,}`,
        String.raw`\bdop_v1_\w{32,}`,
        String.raw`\bya29\.[\w-]{16,}`,
      ].join('|'),
    },
    {
      hint: /bearer|basic|authorization|cookie/i,
      pattern: [
        String.raw`(?i)\b(?:bearer|basic)\s{1,8}([\w.~+/=-]{8,})`,
        String.raw`authorization(?:\\?["'])?\s{0,8}[=:]\s{0,8}(?:\\?["'])?([\w.~+/=-]{16,})`,
        String.raw`\bcookie\s{0,8}:\s{0,8}([^\r\n"]+)`,
      ].join('|'),
    },
    named(/token|session|cookie/i, 'token|session_?id|cookie'),
  ],
  key: [
    {
      hint: /AKIA|ASIA|AIza|-----BEGIN/,
      pattern: [
        String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,
        String.raw`\bAIza[\w-]{35}`,
        '-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)',
      ].join('|'),
    },
    named(
      /key|secret/i,
      '(?:api|access|secret|private|client|account|encryption|signing)[_ -]?(?:access[_-]?)?(?:key|secret)|secret',
    ),
  ],
  password: [
    named(/pass|pwd/i, 'password|passwd|passphrase|passwort|pwd'),
    { hint: /:\/\//, pattern: String.raw`://[^\s:/@]{0,128}:([^\s/?#]+)@` },
  ],
  email: [{ hint: /@/, pattern: String.raw`[\w.%+-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*\.[a-zA-Z]{2,}` }],
};

/** Attributes that are secrets by their name, whatever their value looks like. */
const NAMES: Readonly<Partial<Record<Secret, RegExp>>> = {
  token: /(?:token|authorization|cookie|session_?id)$/i,
  key: /(?:(?:api|access|secret|private|client|account|encryption|signing)[_.-]?key|secret)$/i,
  password: /(?:password|passwd|passphrase|passwort|pwd)$/i,
};

/** How to find secrets of these kinds, one function a rule; first one look for the words of all of them. */
export function findersOf(
  kinds: readonly Secret[],
  patterns: Patterns,
): { readonly hints: (text: string) => boolean; readonly finders: readonly Find[] } {
  const rules = kinds.flatMap(kind => (kind === 'card' ? [] : RULES[kind]));
  const words = new RegExp(rules.map(({ hint }) => hint.source).join('|') || '(?!)', 'i');
  const finders = rules.map(({ hint, pattern }): Find => {
    const compiled = patterns.regex(pattern);
    return text => (hint.test(text) ? compiled.spans(text) : NONE);
  });
  const cards = kinds.includes('card');
  return {
    hints: text => (cards && mayHoldCard(text)) || words.test(text),
    finders: cards ? [...finders, cardSpans] : finders,
  };
}

/** Whether an attribute of this name is a secret of these kinds. */
export const secretName =
  (kinds: readonly Secret[]) =>
  (name: string): boolean =>
    kinds.some(kind => NAMES[kind]?.test(name));

const NONE: readonly number[] = [];
