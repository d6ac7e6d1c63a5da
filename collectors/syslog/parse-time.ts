// Timestamps of syslog messages: RFC 3339 (RFC 5424 section 6.2.3) and the BSD form `Jan  2 03:04:05` (RFC 3164
// section 4.1.2) with the year, fraction and zone that devices add. Pure; allocates nothing but once an hour of time.

import { days, isDay, LEAP_GAP, LEAP_YEAR } from '../../agent/core/formats/calendar.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const DOT = 0x2e;
const COMMA = 0x2c;
const MINUS = 0x2d;
const PLUS = 0x2b;

const MONTHS = 'janfebmaraprmayjunjulaugsepoctnovdec';
/** Month 0..11 by five bits of each of its letters, which is blind to case. */
const MONTH_OF = new Int8Array(32768).fill(-1);
const monthKey = (a: number, b: number, c: number): number => ((a & 31) << 10) | ((b & 31) << 5) | (c & 31);
for (let i = 0; i < 12; i++)
  MONTH_OF[monthKey(...([0, 1, 2].map(k => MONTHS.charCodeAt(3 * i + k)) as [number, number, number]))] = i;

/** Reads a timestamp at a position: `pos` moves behind it and `seconds`, `nanos` are set; or returns false. */
export class TimeParser {
  seconds = 0;
  nanos = 0;
  pos = 0;
  private hourKey = -1;
  private hourSeen = -1;
  private hourSeconds = 0;

  /**
   * RFC 3339. `strict`: as RFC 5424 has it, but up to nine digits of fraction; else a space for the `T`, more digits,
   * a zone `+hhmm` or none (local time) will do. What follows is the caller's to check.
   */
  iso(buf: Uint8Array, start: number, end: number, strict: boolean): boolean {
    if (end - start < 19 || buf[start + 4] !== MINUS || buf[start + 7] !== MINUS) return false;
    const between = buf[start + 10]!;
    if (between !== 0x54 && (strict || between !== SPACE)) return false;
    const year = pair(buf, start) * 100 + pair(buf, start + 2);
    const month = pair(buf, start + 5) - 1;
    const day = pair(buf, start + 8);
    const seconds = clock(buf, start + 11);
    if (!(year >= 0 && isDay(year, month + 1, day)) || seconds < 0) return false;
    let pos = this.fraction(buf, start + 19, end, strict);
    if (pos < 0) return false;
    const zone = buf[pos]!;
    if (pos < end && zone === 0x5a) {
      pos++;
      this.seconds = days(year, month + 1, day) * 86400 + seconds;
    } else if (pos < end && (zone === PLUS || zone === MINUS)) {
      const wide = end - pos >= 6 && buf[pos + 3] === COLON;
      if (!wide && (strict || end - pos < 5)) return false;
      const hours = pair(buf, pos + 1);
      const minutes = pair(buf, pos + (wide ? 4 : 3));
      if (!(hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60)) return false;
      const offset = (hours * 60 + minutes) * 60;
      pos += wide ? 6 : 5;
      this.seconds = days(year, month + 1, day) * 86400 + seconds - (zone === PLUS ? offset : -offset);
    } else {
      if (strict) return false;
      this.seconds = this.localHour(year, month, day, Math.floor(seconds / 3600), 0) + (seconds % 3600);
    }
    this.pos = pos;
    return true;
  }

  /** `[yyyy ]Mmm d [yyyy] hh:mm:ss[.frac][ yyyy]`, local time; without a year the one nearest to `now` (Unix ms). */
  bsd(buf: Uint8Array, from: number, end: number, now: number): boolean {
    let year = buf[from + 4] === SPACE ? yearAt(buf, from, end) : 0;
    const start = year > 0 ? from + 5 : from;
    if (end - start < 14) return false;
    const letters = (buf[start]! & buf[start + 1]! & buf[start + 2]! & 0x40) !== 0;
    const ascii = (buf[start]! | buf[start + 1]! | buf[start + 2]!) < 0x80;
    const month = MONTH_OF[monthKey(buf[start]!, buf[start + 1]!, buf[start + 2]!)]!;
    if (month < 0 || !letters || !ascii || buf[start + 3] !== SPACE) return false;
    let pos = start + 4;
    if (buf[pos] === SPACE) pos++;
    let day = digit(buf[pos]!);
    if (day < 0) return false;
    const second = digit(buf[++pos]!);
    if (second >= 0) {
      day = day * 10 + second;
      pos++;
    }
    if (buf[pos++] !== SPACE) return false;
    if (year === 0 && buf[pos + 4] === SPACE) {
      year = yearAt(buf, pos, end);
      if (year > 0) pos += 5;
    }
    if (end - pos < 8) return false;
    const seconds = clock(buf, pos);
    if (seconds < 0 || !isDay(LEAP_YEAR, month + 1, day)) return false;
    pos = this.fraction(buf, pos + 8, end, false);
    if (year === 0 && pos < end && buf[pos] === SPACE) {
      year = yearAt(buf, pos + 1, end);
      if (year > 0 && (pos + 5 === end || buf[pos + 5] === SPACE)) pos += 5;
      else year = 0;
    }
    if (year > 0 && !isDay(year, month + 1, day)) return false;
    this.seconds = this.localHour(year, month, day, Math.floor(seconds / 3600), now) + (seconds % 3600);
    this.pos = pos;
    return true;
  }

  /** Unix seconds of a full local hour; asks the time zone only when the hour is another than the last. */
  private localHour(year: number, month: number, day: number, hour: number, now: number): number {
    const key = ((year * 12 + month) * 32 + day) * 24 + hour;
    const seen = Math.floor(now / 3_600_000);
    if (key !== this.hourKey || seen !== this.hourSeen) {
      this.hourKey = key;
      this.hourSeen = seen;
      this.hourSeconds = year > 0 ? localSeconds(year, month, day, hour) : nearest(month, day, hour, now);
    }
    return this.hourSeconds;
  }

  /** Takes `.digits` (also `,`) at a position and returns the one behind it; -1 when strict and not 1 to 9 digits. */
  private fraction(buf: Uint8Array, start: number, end: number, strict: boolean): number {
    this.nanos = 0;
    if (start >= end || (buf[start] !== DOT && (strict || buf[start] !== COMMA))) return start;
    let pos = start + 1;
    let scale = 100_000_000;
    for (; pos < end; pos++) {
      const value = digit(buf[pos]!);
      if (value < 0) break;
      this.nanos += value * scale;
      scale = Math.floor(scale / 10);
    }
    const digits = pos - start - 1;
    return strict && (digits < 1 || digits > 9) ? -1 : pos;
  }
}

const digit = (byte: number): number => (byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : -1);

/** Two digits, or NaN. */
function pair(buf: Uint8Array, at: number): number {
  const tens = digit(buf[at]!);
  const ones = digit(buf[at + 1]!);
  return tens < 0 || ones < 0 ? Number.NaN : tens * 10 + ones;
}

/** Seconds of the day from `hh:mm:ss`, -1 when it is none; there are no leap seconds (RFC 5424 section 6.2.3). */
function clock(buf: Uint8Array, at: number): number {
  if (buf[at + 2] !== COLON || buf[at + 5] !== COLON) return -1;
  const hours = pair(buf, at);
  const minutes = pair(buf, at + 3);
  const seconds = pair(buf, at + 6);
  return hours < 24 && minutes < 60 && seconds < 60 ? (hours * 60 + minutes) * 60 + seconds : -1;
}

/** Four digits from 1970 to 2099, or 0. */
function yearAt(buf: Uint8Array, at: number, end: number): number {
  if (end - at < 4) return 0;
  const year = pair(buf, at) * 100 + pair(buf, at + 2);
  return year >= 1970 && year < 2100 ? year : 0;
}

const localSeconds = (year: number, month: number, day: number, hour: number): number =>
  Math.floor(new Date(year, month, day, hour).getTime() / 1000);

/** The year in which the date exists and lies nearest to now. */
function nearest(month: number, day: number, hour: number, now: number): number {
  const thisYear = new Date(now).getFullYear();
  let best = 0;
  for (let year = thisYear + 1; year >= thisYear - LEAP_GAP; year--) {
    if (!isDay(year, month + 1, day)) continue;
    const seconds = localSeconds(year, month, day, hour);
    if (best === 0 || Math.abs(seconds - now / 1000) < Math.abs(best - now / 1000)) best = seconds;
  }
  return best;
}
