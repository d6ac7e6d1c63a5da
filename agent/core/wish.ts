// What a receiver asks for that wants to be left alone for a while. Pure.

/** It may ask for a longer pause, up to this. */
const LONGEST_MS = 5 * 60_000;
/** All agents that were asked to wait the same time come back over so much of it more. */
const SPREAD = 0.5;

/** No attempt before `least`; all who were asked the same come back in the `window` behind it. */
export function grantWish(wishMs: number): { readonly least: number; readonly window: number } {
  const least = Math.max(0, Math.min(wishMs, LONGEST_MS));
  return { least, window: least * SPREAD };
}
