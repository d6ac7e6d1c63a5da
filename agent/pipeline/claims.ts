// What each exporter has a claim to, in the spool and in the ledger: both say the same at every moment, and once a
// minute that is checked.

import type { Log } from '../core/log.ts';
import type { Ledger } from './ledger.ts';
import type { Spool } from './spool/contract.ts';
import type { Reader } from './spool/reader.ts';

const CHECK_MS = 60_000;

export interface Claims {
  /** The reader of an exporter; its part in what the spool holds is in the ledger from here on. */
  claim(exporter: string): Reader;
  /** The exporter wants no more: what waits for it is dropped. */
  release(exporter: string): void;
  /** Brings the ledger up to date; `now` in ms on any clock that only goes forward. */
  refresh(now: number): void;
}

export function createClaims(room: {
  spool: Pick<Spool, 'reader' | 'readers' | 'forget' | 'known'>;
  ledger: Ledger;
  log: Log;
  /** Records received that are still on their way into the spool. */
  waiting: () => number;
}): Claims {
  const { spool, ledger, log, waiting } = room;
  /** Exporters that an earlier life left a place to go on at. */
  const kept = new Set(spool.known());
  const claimed = new Set<string>();
  let checkedAt = Number.NEGATIVE_INFINITY;

  const spooled = ({ name, pending }: Reader) => ledger.spooled(name, pending + waiting());

  const claim = (exporter: string): Reader => {
    const reader = spool.reader(exporter);
    spooled(reader);
    const gap = ledger.gap(exporter);
    if (gap < 0) {
      // The spool holds more for it than this life has received; whoever else has a claim is finished with that.
      ledger.received('recovered', -gap);
      for (const other of claimed) if (other !== exporter) ledger.delivered(other, -gap);
    } else if (kept.has(exporter)) ledger.delivered(exporter, gap);
    else if (gap > 0) ledger.dropped('before_exporter', exporter, gap);
    kept.delete(exporter);
    claimed.add(exporter);
    return reader;
  };

  for (const exporter of kept) claim(exporter);

  return {
    claim,
    release(exporter) {
      if (!claimed.delete(exporter)) return;
      ledger.dropped('exporter_removed', exporter, spool.forget(exporter));
      ledger.forget(exporter);
    },
    refresh(now) {
      for (const reader of spool.readers()) spooled(reader);
      if (now - checkedAt < CHECK_MS) return;
      checkedAt = now;
      for (const { exporter, gap } of ledger.check())
        log.error(`the ledger of exporter ${exporter} does not balance: ${gap} records are unaccounted for`);
    },
  };
}
