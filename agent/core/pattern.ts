// Patterns users write, as rooms see them. Matching time is linear in the text: no pattern can hang the agent.

/** A compiled regular expression (RE2 syntax). */
export interface Pattern {
  readonly source: string;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The leftmost match: group 0 first, `undefined` for groups that took no part. */
  exec(text: string): readonly (string | undefined)[] | undefined;
  /**
   * Where it matches, as start, end, start, end, … in order: of each match the groups that took part, or all of it when
   * none did. Nothing empty, nothing twice. Where looking takes too long, the last goes to the end of
   * the text.
   */
  spans(text: string): readonly number[];
  /** Named groups and their numbers. */
  readonly groups: Readonly<Record<string, number>>;
}

/** Compiles what the configuration has already validated; an invalid one throws. Made in agent/config/patterns.ts. */
export interface Patterns {
  regex(source: string): Pattern;
  /** Whether an absolute path fits any of the globs (`*`, `?`, `**`, `{a,b}`, `[…]`; `!` negates nothing). */
  glob(globs: readonly string[]): (path: string) => boolean;
}
