// Step `severity`: a word of the body or an attribute says how bad it is, or the configuration does.

import { severityOf, severityOfLevel } from '../../core/formats/severity.ts';
import type { SeveritySpec } from '../../core/processor.ts';
import { type LogRecord, severityLabel, utf8 } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';
import { textOf, valueText } from './text.ts';

/** Words it does not know change nothing; numbers are those of pino and bunyan. */
export function createSeverity(spec: SeveritySpec, { patterns, unpacker, body }: StepRoom): Step {
  const { set } = spec;
  if (set !== undefined) {
    const text = utf8(severityLabel(set));
    return {
      run(record) {
        record.severity = set;
        record.severityText = text;
        return '';
      },
    };
  }
  if (spec.first) return { run: fromFirstWord };
  const values = new Map(Object.entries(spec.values));
  const key = spec.attribute === undefined ? undefined : utf8(spec.attribute);
  const pattern = spec.body === undefined ? undefined : patterns.regex(spec.body);

  const wordOf = (record: LogRecord): string | undefined => {
    if (key !== undefined) {
      unpacker.unpack(record.attributes);
      const at = record.attributes.find(key);
      return at < 0 ? undefined : valueText(record.attributes, at);
    }
    const found = pattern?.exec(body.of(record));
    return found?.find((group, i) => i > 0 && group !== undefined) ?? found?.[0];
  };

  return {
    run(record) {
      const word = wordOf(record);
      if (word === undefined) return '';
      const bytes = utf8(word);
      const number =
        values.get(word.toLowerCase()) ??
        (severityOf(bytes, 0, bytes.length) || severityOfLevel(Number(word)));
      if (number > 0) {
        record.severity = number;
        record.severityText = bytes;
      }
      return '';
    },
  };
}

/** Of words that begin like one of severity, those that are one: `information` is none. */
const WORDS = new Set(
  'trace debug info notice warn warning err error crit critical alert fatal panic emerg emergency'.split(' '),
);

/** The first word of severity in the body: `INFO:`, `[warn]`. */
function fromFirstWord(record: LogRecord): string {
  const { buf, bodyEnd } = record;
  for (let at = record.bodyStart; at < bodyEnd; at++) {
    const start = at;
    while (at < bodyEnd && isWord(buf[at]!)) at++;
    const severity = at === start ? 0 : severityOf(buf, start, at);
    if (severity === 0 || !WORDS.has(textOf(buf, start, at).toLowerCase())) continue;
    record.severity = severity;
    record.severityText = buf.slice(start, at);
    break;
  }
  return '';
}

/** A letter, a digit, `_`, or a part of something beyond ASCII. */
function isWord(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte >= 0x80
  );
}
