// A stored record as a line for people: `2026-01-31T12:00:00.123Z nginx[123] err: text`.

import { bodyText, type Found } from '../../exporters/store/query.ts';

const RESET = '\u001b[0m';
const DIM = '\u001b[2m';
const BOLD = '\u001b[1m';

/** Times are UTC in milliseconds. What follows a first line is indented; control characters are shown, not sent. */
export function createPrinter(colors: boolean): (found: Found) => string {
  const paint = (style: string, text: string) => (colors && style ? `${style}${text}${RESET}` : text);
  return ({ record }) => {
    const { time, service, severity, severity_number: number = 0, attributes, dead_letter: dead } = record;
    const pid = attributes?.['process.pid'] ?? attributes?.['syslog.procid'];
    const who = `${service || '-'}${pid === undefined ? '' : `[${pid}]`}`;
    const level = severity === undefined ? '' : ` ${paint(styleOf(number), visible(severity))}`;
    const when = paint(DIM, `${time.slice(0, 23)}Z`);
    const text = visible(bodyText(record)).replaceAll('\n', '\n    ');
    const refusal = dead ? paint(DIM, ` [${dead.exporter}: ${visible(dead.message)}]`) : '';
    return `${when} ${paint(BOLD, visible(who))}${level}: ${text}${refusal}\n`;
  };
}

function styleOf(severity: number): string {
  if (severity >= 17) return '\u001b[31m';
  if (severity >= 13) return '\u001b[33m';
  return severity < 9 ? DIM : '';
}

/** A log must not be able to steer the terminal it is read on. */
export const visible = (text: string): string =>
  text
    .trimEnd()
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
      char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
