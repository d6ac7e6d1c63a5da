// Step `parse`: the body is of a format; its fields become attributes. What it says of its time and severity replaces what
// the transport said. It cannot pretend to be what was known before, or what only the kernel knows: such a field goes by
// `parsed.<name>`.

import type { LineFormat } from '../../core/daemon.ts';
import { applyFormat } from '../../core/formats/format.ts';
import { createParser } from '../../core/formats/index.ts';
import { isSame, setApart } from '../../core/formats/keys.ts';
import { utf8 } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';

const PARSE_ERROR = utf8('eudaemon.parse_error');
/** The kernel's word, also where it was not asked. */
const CREDENTIALS = ['process.pid', 'process.executable.name', 'user.id'].map(name => utf8(name));

/** `spec` is a format of whole messages; `marks`: what is not of it says so. */
export function createParse(
  spec: LineFormat,
  { patterns, unpacker }: Pick<StepRoom, 'patterns' | 'unpacker'>,
  marks = true,
): Step {
  const { format, error } = createParser(spec, patterns);
  if (format === undefined) throw new Error(`BUG: ${JSON.stringify(spec)} is no format of a message`);
  const mark = utf8(error);
  return {
    run(record) {
      const { attributes, severity, severityText, seconds, nanos } = record;
      unpacker.unpack(attributes);
      const known = attributes.size;
      record.severity = 0;
      record.seconds = 0;
      const fits = applyFormat(record, format, undefined);
      if (record.severity === 0) {
        record.severity = severity;
        record.severityText = severityText;
      }
      if (record.seconds === 0) {
        record.seconds = seconds;
        record.nanos = nanos;
      }
      const { size } = attributes;
      const apart: Uint8Array[] = [];
      for (let i = known; i < size; i++) {
        const key = attributes.keys[i]!;
        attributes.size = known;
        const isTaken =
          attributes.find(key) >= 0 || CREDENTIALS.some(name => isSame(name, key, 0, key.length));
        attributes.size = size;
        if (!isTaken) continue;
        attributes.keys[i] = setApart(key);
        apart.push(attributes.keys[i]!);
      }
      if (!fits && marks) {
        attributes.text(PARSE_ERROR, mark);
        apart.push(PARSE_ERROR);
      }
      // An earlier step may have said the same.
      for (const key of apart) attributes.keepLast(key);
      return '';
    },
  };
}
