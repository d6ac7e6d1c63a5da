// Expectations such as `>= 1`, `< 80%`, `< 2GiB`, `< 3 in 10m`: read once, asked often. Pure.

import { parseDuration, parseSize } from '../core/units.ts';

export interface Condition {
  readonly text: string;
  /** Per cent are shares (80% = 0.8), sizes are bytes. */
  readonly limit: number;
  /** `in 10m`: what is counted must have happened within these ms. */
  readonly withinMs: number | undefined;
  holds(actual: number): boolean;
}

const COMPARE: Readonly<Record<string, (actual: number, limit: number) => boolean>> = {
  '>=': (actual, limit) => actual >= limit,
  '<=': (actual, limit) => actual <= limit,
  '==': (actual, limit) => actual === limit,
  '!=': (actual, limit) => actual !== limit,
  '>': (actual, limit) => actual > limit,
  '<': (actual, limit) => actual < limit,
};

/** Throws `cannot read expectation "…"` for what is none. */
export function parseCondition(text: string): Condition {
  const match = /^\s*([<>=!]=|[<>])\s*(\d[\d.]*)\s*(%|[KMGT]i?B|B)?(?:\s+in\s+(\S+))?\s*$/.exec(text);
  const compare = COMPARE[match?.[1] ?? ''];
  const limit = match ? toLimit(match[2]!, match[3]) : Number.NaN;
  const withinMs = match?.[4] === undefined ? undefined : parseDuration(match[4]);
  if (!compare || Number.isNaN(limit) || (match?.[4] !== undefined && withinMs === undefined))
    throw new Error(
      `cannot read expectation "${text}": not of the form ">= 1", "< 80%", "< 2GiB" or "< 3 in 10m"`,
    );
  return { text, limit, withinMs, holds: actual => compare(actual, limit) };
}

function toLimit(digits: string, unit: string | undefined): number {
  if (unit === undefined) return Number(digits);
  if (unit === '%') return Number(digits) / 100;
  return parseSize(`${digits}${unit}`) ?? Number.NaN;
}
