// The civil calendar. Pure.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
  name => (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2),
);

/** 1..12 for the English abbreviation whose three bytes are `word`, the first in the highest place; 0 for none. */
export const monthOf = (word: number): number => MONTHS.indexOf(word) + 1;

/** Days in a month, February at its longest. */
const LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** For a date whose year is not known. */
export const LEAP_YEAR = 2000;

/** Leap years are at most so many years apart. */
export const LEAP_GAP = 8;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** Whether there is such a day in the Gregorian calendar; months are 1..12. */
export const isDay = (year: number, month: number, day: number): boolean =>
  day >= 1 && day <= LENGTHS[month - 1]! && (month !== 2 || day < 29 || isLeap(year));

/** Days from 1970-01-01 in the proleptic Gregorian calendar, to a day that there is. */
export function days(year: number, month: number, day: number): number {
  // The leap day is the last of a year that begins with March.
  const y = month <= 2 ? year - 1 : year;
  const m = (month + 9) % 12;
  return (
    365 * y +
    Math.floor(y / 4) -
    Math.floor(y / 100) +
    Math.floor(y / 400) +
    Math.floor((153 * m + 2) / 5) +
    day -
    719_469
  );
}
