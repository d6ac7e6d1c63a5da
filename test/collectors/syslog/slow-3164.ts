// RFC 3164 and its relatives read in the most obvious way, to hold the fast reader against. Text is latin1.
import type { Read } from './read.ts';

const YEAR = '(19[7-9]\\d|20\\d\\d)';
const CLOCK = '([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d)(?:[.,](\\d*))?';
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const BSD = new RegExp(
  `^(?:${YEAR} )?(${MONTHS.join('|')}) {1,2}(\\d{1,2}) (?:${YEAR} )?${CLOCK}(?: ${YEAR}(?= |$))?`,
  'i',
);
const ISO = new RegExp(
  `^(\\d{4})-(\\d\\d)-(\\d\\d)[T ]${CLOCK}(Z|[+-]([01]\\d|2[0-3]):?([0-5]\\d)|(?![Z+-]))`,
);
const TAG = '[0-9A-Za-z%()\\-./@_+#~!*,\\x80-\\xff]';

interface Stamp {
  /** Unix seconds. */
  seconds: number;
  nanos: number;
  rest: string;
}

const nanosOf = (fraction = '') => Number(fraction.padEnd(9, '0').slice(0, 9));

/** Unix seconds of local time, or undefined for a day that the month has not; months count from 0. */
function local(year: number, month: number, day: number, clock: number[]): number | undefined {
  const [hours, minutes, seconds] = clock as [number, number, number];
  const noon = new Date(year, month, day, 12);
  if (noon.getMonth() !== month || noon.getDate() !== day) return undefined;
  return new Date(year, month, day, hours, minutes, seconds).getTime() / 1000;
}

function iso(text: string): Stamp | undefined {
  const found = ISO.exec(text);
  if (!found) return undefined;
  const [whole, year, month, day, h, m, s, fraction, zone, zoneHours, zoneMinutes] = found;
  const clock = [h, m, s].map(Number);
  const there = local(Number(year), Number(month) - 1, Number(day), clock);
  if (there === undefined) return undefined;
  const [hours, minutes, seconds] = clock as [number, number, number];
  const utc = Date.UTC(Number(year), Number(month) - 1, Number(day), hours, minutes, seconds) / 1000;
  const offset = (Number(zoneHours ?? 0) * 60 + Number(zoneMinutes ?? 0)) * 60;
  return {
    seconds: zone === '' ? there : zone![0] === '-' ? utc + offset : utc - offset,
    nanos: nanosOf(fraction),
    rest: text.slice(whole.length),
  };
}

function bsd(text: string, now: number): Stamp | undefined {
  const found = BSD.exec(text);
  if (!found) return undefined;
  const [whole, first, name, day, second, h, m, s, fraction, behind] = found;
  if (first && second) return undefined;
  const before = first ?? second;
  // A second year is text.
  const length = before && behind ? whole.length - behind.length - 1 : whole.length;
  const thisYear = new Date(now).getFullYear();
  const given = before ?? behind;
  const years = given ? [Number(given)] : Array.from({ length: 10 }, (_, i) => thisYear + 1 - i);
  const far = (seconds: number) => Math.abs(seconds - now / 1000);
  const [seconds] = years
    .map(year => local(year, MONTHS.indexOf(name!.toLowerCase()), Number(day), [h, m, s].map(Number)))
    .filter(at => at !== undefined)
    .sort((a, b) => far(a) - far(b));
  return seconds === undefined ? undefined : { seconds, nanos: nanosOf(fraction), rest: text.slice(length) };
}

/** Takes what may follow a time; undefined when it was none. */
function confirmed(stamp: Stamp | undefined): Stamp | undefined {
  if (!stamp) return undefined;
  const zone = /^ ([^ ]{0,5}):(?= %)/.exec(stamp.rest);
  const utc = zone && /^(?:utc|gmt)$/i.test(zone[1]!);
  const east = new Date(stamp.seconds * 1000).getTimezoneOffset() * 60;
  const rest = stamp.rest.slice(zone ? zone[0].length : stamp.rest[0] === ':' ? 1 : 0);
  if (rest !== '' && rest[0] !== ' ') return undefined;
  return { ...stamp, seconds: utc ? stamp.seconds - east : stamp.seconds, rest };
}

/** A time with what Cisco devices send before it: `123: r1: *Mar  1 …`. */
function stamped(text: string, now: number): (Stamp & { host: string }) | undefined {
  const noHost = (stamp: Stamp | undefined) => (stamp ? { ...stamp, host: '' } : undefined);
  const inner = text.replace(/^: /, '');
  const digit = /^\d/.test(inner);
  const dated = iso(inner) ?? bsd(inner, now);
  if (digit && dated) return noHost(confirmed(dated));
  const [sequence = ''] = /^\d+: /.exec(inner) ?? [];
  if (digit && sequence === '') return undefined;
  const marked = inner.slice(sequence.length).replace(/^[*.]/, '');
  if (bsd(marked, now)) return noHost(confirmed(bsd(marked, now)));
  if (marked.length === text.length) return undefined;
  const [named, host] = /^([^ ]+):(?: |$)/.exec(marked) ?? [];
  if (named === undefined || !isHost(host!)) return undefined;
  const stamp = confirmed(bsd(marked.slice(host!.length + 2).replace(/^[*.]/, ''), now));
  return stamp && { ...stamp, host: host! };
}

const isIpv6 = (word: string) =>
  /^[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*:[0-9a-fA-F:.%]*$/.test(word) && !word.endsWith(':');
const isHost = (word: string) => word.length <= 255 && (/^[0-9A-Za-z\-./@_]+$/.test(word) || isIpv6(word));

interface Tagged {
  app: string;
  proc: string;
  body: string;
}

/** The tag that `text` begins with; `bare`: no time came before it. */
function tagged(text: string, bare: boolean): Tagged | undefined {
  const [word] = /^[^ ]*/.exec(text)!;
  const forms = [
    /^(?<app>[^ ]+)\[(?<proc>[^ [\]]*|[^ []*)\](?<end>:)$/,
    new RegExp(`^(?<app>${TAG}+)(?<end>:)$`),
    /^(?<app>[^ ]+)\[(?<proc>\d+)\](?<end>)$/,
  ];
  if (!bare && !/[:\]]$|^\d/.test(word) && !isIpv6(word))
    forms.push(
      new RegExp(`^(?<app>${TAG}*(?:\\[[^\\]]*(?=\\[))?)(?:\\[(?<proc>[^\\][]*)\\])?(?<end>:)(?!/)`),
    );
  for (const form of forms) {
    const found = form.exec(word);
    if (!found) continue;
    const { app = '', proc = '' } = found.groups!;
    if (app === '' || app.length > 128) return undefined;
    return { app, proc, body: text.slice(found[0].length).replace(/^ /, '') };
  }
  return undefined;
}

/** A message that is not of RFC 5424; undefined when it has neither priority nor time. `now` in Unix ms. */
export function slow3164(text: string, now: number): Omit<Read, 'error'> | undefined {
  const [lead, digits] = /^<(0|[1-9]\d{0,2})>/.exec(text) ?? [''];
  if (Number(digits) > 191) return undefined;
  const priority = digits === undefined ? 13 : Number(digits);
  const behind = text.slice(lead.length);
  const whole = {
    format: 'local' as Read['format'],
    facility: priority >> 3,
    severity: priority & 7,
    version: 0,
    time: '',
    nanos: 0,
    host: '',
    app: '',
    proc: '',
    msgId: '',
    structure: '',
    body: behind,
  };
  const inner = behind.replace(/^ +/, '');
  const stamp = stamped(inner, now);
  if (!stamp) return lead === '' ? undefined : { ...whole, ...tagged(inner, true) };
  const format = stamp.host === '' ? 'local' : 'rfc3164';
  const time = stamp.seconds === 0 ? '' : new Date(stamp.seconds * 1000).toISOString();
  const timed = {
    ...whole,
    format,
    time,
    nanos: stamp.nanos,
    host: stamp.host,
    body: stamp.rest.slice(1),
  } as const;
  const first = stamp.rest.replace(/^ +/, '');
  const named = tagged(first, false);
  if (named) return { ...timed, ...named, body: /^\d/.test(inner) && first[0] === '%' ? first : named.body };
  const [word] = /^[^ ]*/.exec(first)!;
  if (stamp.host !== '' || !isHost(word)) return timed;
  const second = first
    .slice(word.length)
    .replace(/^ +/, '')
    .replace(/^: (?=%)/, '');
  if (second[0] === ':') return timed;
  return {
    ...timed,
    format: 'rfc3164',
    host: word === '-' ? '' : word,
    body: second,
    ...tagged(second, false),
  };
}
