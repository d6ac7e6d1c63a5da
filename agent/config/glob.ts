// Globs as regular expressions, so that one linear-time engine matches both. Pure.

const BRACKET = /^\[([!^]?)(\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]/s;

/**
 * The RE2 source that matches whole paths like the glob: `*` and `?` within a segment, a segment `**` for any number
 * of segments, `{a,b}` nested at will, `[a-z]`, `[!a-z]`, `\` before a literal; a dot is no exception.
 * Throws for what is left open, naming it.
 */
export function globToRegex(glob: string): string {
  let out = '';
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const rest = glob.slice(i);
    const segments = /^\/\*\*(?=\/|$)/.exec(rest) ?? (i === 0 ? /^\*\*(\/|$)/.exec(rest) : null);
    const bracket = BRACKET.exec(rest);
    const char = glob[i]!;
    if (segments) {
      out += char === '/' ? '(?:/[^/]*)*' : segments[1] === '' ? '.*' : '(?:[^/]*/)*';
      i += segments[0].length - 1;
    } else if (bracket) {
      const [whole, negated, members] = bracket;
      out += `[${negated ? '^/' : ''}${members!.replace(/^\]|\[(?!:)/g, '\\$&')}]`;
      i += whole!.length - 1;
    } else if (char === '[') throw new Error('a [ is not closed');
    else if (char === '*') {
      while (glob[i + 1] === '*') i++;
      out += '[^/]*';
    } else if (char === '?') out += '[^/]';
    else if (char === '{') {
      depth++;
      out += '(?:';
    } else if (char === '}' && depth > 0) {
      depth--;
      out += ')';
    } else if (char === ',' && depth > 0) out += '|';
    else if (char === '\\') {
      if (++i === glob.length) throw new Error('nothing follows the last \\');
      out += literal(glob[i]!);
    } else out += literal(char);
  }
  if (depth > 0) throw new Error('a { is not closed');
  return `^(?:${out})$`;
}

const literal = (char: string): string => (/[$()*+.?[\\\]^{|}]/.test(char) ? `\\${char}` : char);
