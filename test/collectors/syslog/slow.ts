// RFC 5424 and the framing of streams read in the most obvious way, to hold the fast readers against. Text is latin1.

interface Slow {
  facility: number;
  severity: number;
  version: number;
  /** ISO 8601 in UTC to the second, empty for nil, and what follows the second. */
  time: string;
  nanos: number;
  host: string;
  app: string;
  proc: string;
  msgId: string;
  structure: string;
  body: string;
}

const NAME = '[!#-<>-\\\\^-~]{1,32}';
const VALUE = '(?:[^"\\\\\\]]|\\\\[^])*';
const ELEMENT = `\\[${NAME}(?: ${NAME}="${VALUE}")*\\]`;
const FIELD = (most: number) => `([!-~]{1,${most}})`;
const TIME = '(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d)(?:\\.(\\d{1,9}))?(Z|[+-]\\d\\d:\\d\\d)';
const MESSAGE = new RegExp(
  `^<(0|[1-9]\\d{0,2})>(\\d{1,3}) (?:-|${TIME}) ${FIELD(255)} ${FIELD(48)} ${FIELD(128)} ${FIELD(32)} (-|(?:${ELEMENT})+)(?: ([^]*))?$`,
);

/** A message of RFC 5424; undefined when it is none. */
export function slow5424(text: string): Slow | undefined {
  const found = MESSAGE.exec(text);
  if (!found) return undefined;
  const [, pri, version, date, fraction = '', zone = 'Z', host, app, proc, msgId, structure, body = ''] =
    found;
  if (Number(pri) > 191 || Number(version) === 0) return undefined;
  let time = '';
  if (date !== undefined) {
    const [hours, minutes] = zone === 'Z' ? [0, 0] : [Number(zone.slice(1, 3)), Number(zone.slice(4))];
    const at = Date.parse(`${date}Z`);
    // Dates that do not exist roll over.
    if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 19) !== date) return undefined;
    if (hours > 23 || minutes > 59) return undefined;
    time = new Date(at - (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000).toISOString();
  }
  const ids = [...structure!.matchAll(new RegExp(ELEMENT, 'g'))].map(([each]) => /^\[[^ \]]+/.exec(each)![0]);
  if (new Set(ids).size < ids.length) return undefined;
  const orNothing = (field: string | undefined) => (field === '-' ? '' : field!);
  return {
    facility: Number(pri) >> 3,
    severity: Number(pri) & 7,
    version: Number(version),
    time,
    nanos: Number(fraction.padEnd(9, '0')),
    host: orNothing(host),
    app: orNothing(app),
    proc: orNothing(proc),
    msgId: orNothing(msgId),
    structure: orNothing(structure),
    body: body.replace(/^\xef\xbb\xbf/, ''),
  };
}

/** The messages of a whole stream; `…` marks a cut one. */
export function slowFrames(stream: string, max: number): string[] {
  const found: string[] = [];
  let terminator = '';
  let rest = stream;
  for (;;) {
    rest = rest.replace(/^(?:[\n\r\0]| (?=<))+/, '');
    if (rest === '') return found;
    const [whole = '', digits = ''] = /^(\d{1,8}) (?=.)/s.exec(rest) ?? [];
    const length = Number(digits);
    const counted = rest.slice(whole.length, whole.length + length);
    const isLine = length > max && /^[^\n]*\n(?:\d{1,8} )?<\d/.test(counted.slice(0, max));
    const isText = digits[0] !== '0' && length <= max && !counted.includes('\n');
    if (length > 0 && ((counted[0] === '<' && !isLine) || isText)) {
      found.push(counted.slice(0, max) + (length > max ? '…' : ''));
      rest = rest.slice(whole.length + length);
      continue;
    }
    const end = terminator === '' ? rest.search(/[\n\0]/) : rest.indexOf(terminator);
    const line = end < 0 ? rest : rest.slice(0, end);
    if (line.length > max) {
      found.push(`${line.slice(0, max)}…`);
      // Up to a line feed while no terminator is known.
      const over = rest.indexOf(terminator || '\n', max);
      rest = over < 0 ? '' : rest.slice(over + 1);
      continue;
    }
    if (end >= 0) terminator ||= rest[end]!;
    found.push(terminator === '\0' ? line : line.replace(/\r$/, ''));
    rest = end < 0 ? '' : rest.slice(end + 1);
  }
}
