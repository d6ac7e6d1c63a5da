// What one look at a daemon yields, and how text from outside is made fit to be shown.

export interface Outcome {
  readonly ok: boolean;
  /** One line for people: the status seen, or why it failed. */
  readonly message: string;
  /** There was no answer in time. */
  readonly timedOut?: true;
  /** The status of a Nagios plugin: 0 ok, 1 warning, 2 critical, 3 unknown. */
  readonly plugin?: number;
  /** Unix seconds when the server's certificate ends. */
  readonly tlsExpiry?: number;
}

/**
 * One attempt, ended by `signal` at the latest. A rejection counts as a failed attempt, except SetupError:
 * the check cannot be made at all.
 */
export type Probe = (signal: AbortSignal) => Promise<Outcome>;

/** Most bytes of an answer that are kept and matched. */
export const MAX_ANSWER = 64 * 1024;

/** The first line of text from outside, free of control characters, at most 200 characters. */
export function snippet(text: string): string {
  const line = text
    .trimStart()
    .split(/[\r\n]/, 1)[0]!
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
