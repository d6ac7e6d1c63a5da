// Lines by a regular expression of the user: its named groups become fields. Pure; works on text, a line at a time.

import type { LineFormat } from '../daemon.ts';
import type { Patterns } from '../pattern.ts';
import { utf8 } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { COMMON, Keys, Role } from './keys.ts';
import { Stamp } from './stamp.ts';

/** `time`, `severity` and `body` name the groups with these meanings; usual names have them without being named. */
export function createRegex(spec: Extract<LineFormat, object>, patterns: Patterns): Format {
  const pattern = patterns.regex(spec.regex);
  const groups = Object.entries(pattern.groups).map(([name, index]) => ({
    name: utf8(name),
    index,
    words:
      name === spec.severity || (spec.severity === undefined && COMMON[name] === Role.Severity)
        ? (spec.severities ?? {})
        : {},
  }));
  const roles: Record<string, number> = { ...COMMON };
  if (spec.time !== undefined) roles[spec.time] = Role.Time;
  if (spec.severity !== undefined) roles[spec.severity] = Role.Severity;
  if (spec.body !== undefined) roles[spec.body] = Role.Body;
  const fields = new Fields(new Keys(roles), new Stamp());
  const decoder = new TextDecoder();
  return record => {
    const match = pattern.exec(decoder.decode(record.buf.subarray(record.bodyStart, record.bodyEnd)));
    if (match === undefined) return false;
    fields.begin();
    for (const { name, index, words } of groups) {
      const text = match[index];
      if (text === undefined) continue;
      const bytes = utf8(Object.hasOwn(words, text) ? words[text]! : text);
      fields.key(name, 0, name.length);
      fields.text(record, bytes, 0, bytes.length);
    }
    return true;
  };
}
