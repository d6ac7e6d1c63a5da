// The timestamps log lines carry, read from bytes. Pure: the zone of the process is asked only for times without one.

import { days, isDay, LEAP_GAP, monthOf } from './calendar.ts';
import { isSame } from './keys.ts';
import { hostOffset, zoneOffset } from './zone.ts';

/** A civil date and time, held as if it were UTC, and where it ended. One instance is reused for all lines. */
export class Stamp {
  /** Unix time of the last success. */
  seconds = 0;
  nanos = 0;
  /** The first byte behind it. */
  end = 0;
  private buf: Uint8Array = new Uint8Array(0);
  private at = 0;
  private limit = 0;
  private ok = true;
  private quarter = Number.NaN;
  private offset = 0;
  /** Of the last `iso()`: `2006-01-02T15:04:`, as if it were UTC. Most lines are of the minute of the line before. */
  private minute = new Uint8Array(0);
  private minuteSeconds = 0;
  /** When the minute of the last clock began, as if it were UTC. */
  private base = 0;
  /** Seconds east of UTC at a local time, given as if it were UTC. */
  private readonly offsetAt: (seconds: number) => number;

  /** `zone` is the IANA name of the zone of times that have none; that of the process when absent. */
  constructor(zone?: string) {
    this.offsetAt = zone === undefined ? hostOffset : zoneOffset(zone);
  }

  /** ISO 8601 as RFC 3339 has it, also with a blank for the T, a comma for the point, and without a zone. */
  iso(buf: Uint8Array, start: number, end: number): boolean {
    this.begin(buf, start, end);
    const behind = start + MINUTE_BYTES;
    if (behind < end && isSame(this.minute, buf, start, behind)) {
      this.at = behind;
      return this.second(this.minuteSeconds) && this.zone();
    }
    const year = this.digits(4);
    this.byte(0x2d);
    const month = this.digits(2);
    this.byte(0x2d);
    const day = this.digits(2);
    if (this.peek() !== 0x54 && this.peek() !== 0x20 && this.peek() !== 0x74) return false;
    this.at++;
    if (!this.clock(year, month, day)) return false;
    this.minute = new Uint8Array(buf.subarray(start, behind));
    this.minuteSeconds = this.base;
    return this.zone();
  }

  /** `10/Oct/2000:13:55:36 -0700`, the Common Log Format. */
  clf(buf: Uint8Array, start: number, end: number): boolean {
    this.begin(buf, start, end);
    const day = this.digits(2);
    this.byte(0x2f);
    const month = this.month();
    this.byte(0x2f);
    const year = this.digits(4);
    this.byte(0x3a);
    if (!this.clock(year, month, day)) return false;
    this.byte(0x20);
    return this.zone();
  }

  /** `2024/01/02 15:04:05` in local time, as nginx's error log has it. */
  slashed(buf: Uint8Array, start: number, end: number): boolean {
    this.begin(buf, start, end);
    const year = this.digits(4);
    this.byte(0x2f);
    const month = this.digits(2);
    this.byte(0x2f);
    const day = this.digits(2);
    this.byte(0x20);
    return this.clock(year, month, day) && this.local();
  }

  /** `24 Nov 2026 15:30:14.123` in local time, as redis has it, or with hyphens between day, month and year, as PHP has it. */
  dated(buf: Uint8Array, start: number, end: number): boolean {
    this.begin(buf, start, end);
    const day = this.digits(2);
    const gap = this.peek();
    if (gap !== 0x20 && gap !== 0x2d) return false;
    this.at++;
    const month = this.month();
    this.byte(gap);
    const year = this.digits(4);
    this.byte(0x20);
    return this.clock(year, month, day) && this.local();
  }

  /** `Fri Sep 09 10:42:29.902022 2011` in local time, as Apache's error log has it. */
  ctime(buf: Uint8Array, start: number, end: number): boolean {
    this.begin(buf, start, end);
    this.at += 4;
    const month = this.month();
    this.byte(0x20);
    const day = this.padded();
    this.byte(0x20);
    const clock = this.at;
    if (!this.clock(1970, 1, 1)) return false;
    this.byte(0x20);
    const year = this.digits(4);
    const behind = this.at;
    if (!this.ok) return false;
    this.at = clock;
    if (!this.clock(year, month, day) || !this.local()) return false;
    this.end = behind;
    return true;
  }

  /** `Oct 11 22:14:15` in local time (RFC 3164); of the years around `near`, Unix seconds, the nearest that is not in the future. */
  bsd(buf: Uint8Array, start: number, end: number, near: number): boolean {
    this.begin(buf, start, end);
    const month = this.month();
    this.byte(0x20);
    const day = this.padded();
    this.byte(0x20);
    return this.yearless(month, day, near);
  }

  /** `1124 15:30:14.123456` in local time, month and day, as glog and klog have it, or with the year before them. */
  glog(buf: Uint8Array, start: number, end: number, near: number): boolean {
    this.begin(buf, start, end);
    const month = this.digits(2);
    const day = this.digits(2);
    if (this.peek() === 0x20) {
      this.at++;
      return this.yearless(month, day, near);
    }
    const year = month * 100 + day;
    const dated = { month: this.digits(2), day: this.digits(2) };
    this.byte(0x20);
    return this.clock(year, dated.month, dated.day) && this.local();
  }

  /** The time last read without a zone was of UTC: a word behind it says so. */
  isUtc(): void {
    this.seconds += this.offset;
  }

  /** Digits, with or without a fraction, that count seconds, milliseconds, microseconds or nanoseconds since 1970, by their size. */
  count(buf: Uint8Array, start: number, end: number): boolean {
    let point = start;
    while (point < end && buf[point] !== 0x2e) point++;
    const whole = point - start;
    if (whole < 9 || whole > 19 || buf[start] === 0x30 || point === end - 1) return false;
    const behind = whole <= 11 ? 0 : whole <= 14 ? 3 : whole <= 17 ? 6 : 9;
    let seconds = 0;
    let nanos = 0;
    for (let i = start, place = behind - whole; i < end; i++) {
      if (i === point) continue;
      const digit = buf[i]! - 48;
      if (digit < 0 || digit > 9) return false;
      if (place < 0) seconds = seconds * 10 + digit;
      else if (place < 9) nanos += digit * POWERS[8 - place]!;
      place++;
    }
    this.seconds = seconds;
    this.nanos = nanos;
    return true;
  }

  /** Whether bytes `start..end` are a time in any of these forms, and nothing more. */
  any(buf: Uint8Array, start: number, end: number, near: number): boolean {
    return (
      (this.iso(buf, start, end) && this.end === end) ||
      (this.clf(buf, start, end) && this.end === end) ||
      (this.slashed(buf, start, end) && this.end === end) ||
      (this.dated(buf, start, end) && this.end === end) ||
      (this.bsd(buf, start, end, near) && this.end === end) ||
      (this.ctime(buf, start, end) && this.end === end)
    );
  }

  private begin(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.at = start;
    this.limit = end;
    this.ok = true;
  }

  private peek(): number {
    return this.at < this.limit ? this.buf[this.at]! : -1;
  }

  private byte(wanted: number): void {
    if (this.peek() !== wanted) this.ok = false;
    this.at++;
  }

  private digits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const digit = this.peek() - 48;
      if (digit < 0 || digit > 9) this.ok = false;
      value = value * 10 + digit;
      this.at++;
    }
    return value;
  }

  /** Two digits, or a blank and one. */
  private padded(): number {
    if (this.peek() !== 0x20) return this.digits(2);
    this.at++;
    return this.digits(1);
  }

  private month(): number {
    const word = (this.peek() << 16) | ((this.buf[this.at + 1] ?? 0) << 8) | (this.buf[this.at + 2] ?? 0);
    this.at += 3;
    const month = monthOf(word);
    if (month === 0 || this.at > this.limit) this.ok = false;
    return month;
  }

  /** A clock here, of the nearest year around `near` that is not in the future. */
  private yearless(month: number, day: number, near: number): boolean {
    const clock = this.at;
    const year = new Date((near + DAY) * 1000).getFullYear();
    for (let back = 0; back <= LEAP_GAP; back++) {
      this.at = clock;
      if (this.clock(year - back, month, day) && this.local() && this.seconds <= near + DAY) return true;
    }
    return false;
  }

  /** `HH:MM:SS` with an optional fraction, then `seconds` as if the time were UTC. */
  private clock(year: number, month: number, day: number): boolean {
    const hour = this.padded();
    this.byte(0x3a);
    const minute = this.digits(2);
    this.byte(0x3a);
    if (!this.ok || !isDay(year, month, day) || hour > 23 || minute > 59) return false;
    return this.second(days(year, month, day) * DAY + hour * 3600 + minute * 60);
  }

  /** `SS` with an optional fraction, of the minute that begins at `minute`. */
  private second(minute: number): boolean {
    const second = this.digits(2);
    this.nanos = 0;
    const point = this.peek();
    if (point === 0x2e || point === 0x2c) this.fraction();
    if (!this.ok || second > 60) return false;
    this.base = minute;
    this.seconds = minute + second;
    this.end = this.at;
    return true;
  }

  private fraction(): void {
    const first = ++this.at;
    let value = 0;
    for (; this.at < this.limit; this.at++) {
      const digit = this.buf[this.at]! - 48;
      if (digit < 0 || digit > 9) break;
      if (this.at - first < 9) value = value * 10 + digit;
    }
    const size = this.at - first;
    if (size === 0) this.ok = false;
    this.nanos = size < 9 ? value * POWERS[9 - size]! : value;
  }

  /** `Z`, `+01:00`, `-0700`, `+03`, with or without a blank before the sign, or none. */
  private zone(): boolean {
    if (this.peek() === 0x20 && isSign(this.buf[this.at + 1]) && isDigit(this.buf[this.at + 2])) this.at++;
    const sign = this.peek();
    if (sign === 0x5a || sign === 0x7a) this.at++;
    else if (isSign(sign)) {
      this.at++;
      const hours = this.digits(2);
      if (this.peek() === 0x3a) this.at++;
      const offset = hours * 3600 + (isDigit(this.peek()) ? this.digits(2) * 60 : 0);
      this.seconds -= sign === 0x2b ? offset : -offset;
    } else return this.ok && this.local();
    this.end = this.at;
    return this.ok;
  }

  /** From local time to Unix time; the zone is asked once a quarter of an hour of log time. */
  private local(): boolean {
    const quarter = Math.floor(this.seconds / 900);
    if (quarter !== this.quarter) {
      this.quarter = quarter;
      this.offset = this.offsetAt(quarter * 900);
    }
    this.seconds -= this.offset;
    return true;
  }
}

const isSign = (byte: number | undefined): boolean => byte === 0x2b || byte === 0x2d;
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
const DAY = 86_400;
/** What of an ISO time stands before its seconds. */
const MINUTE_BYTES = 17;
const POWERS: readonly number[] = Array.from({ length: 10 }, (_, i) => 10 ** i);
