import type { Log } from '../agent/core/log.ts';

/** A log for tests that do not look at it. */
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, room: () => quiet };
