// Processors: what a configuration may do with log records before they are kept, as plain data.

import type { LineFormat } from './daemon.ts';

/** Which records are meant: all that is given must hold. */
export interface Criteria {
  /** Any of these as service.name: the daemon, else the syslog tag, else the file's name. */
  readonly daemon?: readonly string[];
  /** Any of these collectors, or `events` for the agent's own. */
  readonly source?: readonly string[];
  /** SeverityNumbers from the first to the second; a record without a severity is in no range. */
  readonly severity?: readonly [from: number, to: number];
  /** Regular expression over the body. */
  readonly body?: string;
  /** Regular expressions over the values of attributes; one that is absent does not fit. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A condition may exclude, too. */
export interface Condition extends Criteria {
  readonly not?: Criteria;
}

/** Secrets that are known by their shape, or by the name in front of them. */
export const SECRETS = ['token', 'key', 'password', 'card', 'email'] as const;
export type Secret = (typeof SECRETS)[number];

export interface RedactSpec {
  readonly builtin: readonly Secret[];
  /** Regular expressions: of each match the groups go, or all of it where there are none. */
  readonly patterns: readonly string[];
  /** Attributes whose values go as a whole. */
  readonly attributes: readonly string[];
  readonly with: string;
}

export interface SampleSpec {
  /** Share of records that stay, 0..1. */
  readonly ratio: number;
  /** An attribute, or `body`: what has the same value stays or goes together. */
  readonly by?: string;
}

export interface RateLimitSpec {
  /** As written: `100/s`. */
  readonly rate: string;
  readonly perSecond: number;
  /** Records that may come at once. */
  readonly burst: number;
}

/** Exactly one of the first four is given. */
export interface SeveritySpec {
  /** The first word of severity in the body. */
  readonly first?: true;
  /** SeverityNumber. */
  readonly set?: number;
  /** The attribute whose value is the word. */
  readonly attribute?: string;
  /** Regular expression over the body: its first group, or all of the match, is the word. */
  readonly body?: string;
  /** SeverityNumbers of words of one's own, in any case. */
  readonly values: Readonly<Record<string, number>>;
}

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'histogram';
  /** The attribute that is added or observed; without it records are counted. */
  readonly value?: string;
  readonly help?: string;
  readonly unit?: string;
  readonly buckets: readonly number[];
  /** Label to attribute. */
  readonly labels: Readonly<Record<string, string>>;
  /** Label combinations; what comes after them is counted as `other`. */
  readonly max_series: number;
}

/** One step: exactly one of its kinds is given. Conditions are alternatives. */
export interface ProcessorSpec {
  readonly when?: readonly Condition[];
  readonly drop?: readonly Condition[];
  readonly keep?: readonly Condition[];
  readonly redact?: RedactSpec;
  readonly parse?: LineFormat;
  readonly sample?: SampleSpec;
  readonly rate_limit?: RateLimitSpec;
  readonly add?: Readonly<Record<string, string | number | boolean>>;
  readonly rename?: Readonly<Record<string, string>>;
  /** Keys; one that ends in `*` stands for all that begin so. */
  readonly remove?: readonly string[];
  readonly severity?: SeveritySpec;
  readonly metric?: MetricSpec;
}

export const STEPS = [
  'drop',
  'keep',
  'redact',
  'parse',
  'sample',
  'rate_limit',
  'add',
  'rename',
  'remove',
  'severity',
  'metric',
] as const;

/** Reasons of `eudaemon_records_dropped_total` that the operator asked for. */
export const Stopped = {
  Dropped: 'processor_drop',
  Sampled: 'sampled',
  RateLimited: 'rate_limited',
} as const;

/** The source of the agent's own events. */
export const EVENTS = 'events';
