// What cannot be read, and why: told once when it begins, and listed while it lasts.

import type { RecordSink } from '../../agent/core/collector.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import type { Log } from '../../agent/core/log.ts';
import type { Source } from './sources.ts';

export interface Troubles {
  report(source: Source, path: string, error: unknown): void;
  /** It can be read again. */
  clear(path: string): void;
  /** Bytes that nobody will read, and by which `reason` they count as lost. */
  lose(path: string, bytes: number, how: string, reason: string): void;
  /** Those of sources somebody waits for. */
  faults(): readonly string[];
}

interface Trouble {
  readonly source: Source;
  readonly message: string;
  /** When it was last met; ms. */
  at: number;
}

/** Paths remembered; beyond it troubles are logged, as far as the log's own limit goes, and not listed. */
const MAX_TROUBLES = 1000;
/** Reading is tried all the time: a trouble that is not met for so long is over, or its file is gone; ms. */
const OVER_MS = 5000;
/** To tell how many records a number of lost bytes were. */
const LINE_BYTES = 150;

export function createTroubles(log: Log, out: RecordSink, now: () => number): Troubles {
  const known = new Map<string, Trouble>();
  return {
    report(source, path, error) {
      const hint = codeOf(error) === 'EMFILE' ? ' (raise LimitNOFILE=)' : '';
      const message = `cannot read log file "${path}": ${causeOf(error)}${hint}`;
      const before = known.get(path);
      if (before?.message === message) {
        before.at = now();
        return;
      }
      if (known.size < MAX_TROUBLES) known.set(path, { source, message, at: now() });
      log.warn(message, { daemon: source.daemon });
    },
    clear(path) {
      if (known.size > 0) known.delete(path);
    },
    lose(path, bytes, how, reason) {
      log.warn(`cannot read log file "${path}" to its end: ${how}`, { bytes });
      out.lost(reason, Math.ceil(bytes / LINE_BYTES));
    },
    faults() {
      const since = now() - OVER_MS;
      for (const [path, trouble] of known) if (trouble.at < since) known.delete(path);
      return [...known.values()].filter(each => each.source.wanted).map(each => each.message);
    },
  };
}
