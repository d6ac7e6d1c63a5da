// Lines by a regular expression of the user: its named groups become fields. Pure; works on text, a line at a time.

import type { RegexFormat } from '../daemon.ts';
import type { Patterns } from '../pattern.ts';
import { utf8 } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Role, rolesOf } from './keys.ts';

export function createRegex(spec: RegexFormat, patterns: Patterns): Format {
  const pattern = patterns.regex(spec.regex);
  const groups = Object.entries(pattern.groups).map(([name, index]) => ({ name: utf8(name), index }));
  // Who names a group `body` means the record's; in other formats it is often that of a request.
  const fields = new Fields(
    spec,
    spec.body === undefined ? { ...rolesOf(spec), body: Role.Body } : rolesOf(spec),
  );
  const decoder = new TextDecoder();
  return record => {
    const match = pattern.exec(decoder.decode(record.buf.subarray(record.bodyStart, record.bodyEnd)));
    if (match === undefined) return false;
    fields.begin();
    for (const { name, index } of groups) {
      const text = match[index];
      if (text === undefined) continue;
      const bytes = utf8(text);
      fields.key(name, 0, name.length);
      fields.text(record, bytes, 0, bytes.length);
    }
    return true;
  };
}
