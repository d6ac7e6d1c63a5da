// Answers one scrape: gathers the families, writes the page in slices, packs it. Never blocks the event loop for long.

import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip, gzipSync } from 'node:zlib';
import type { Log } from '../../agent/core/log.ts';
import type { Meter } from '../../agent/core/meter.ts';
import type { Desc, Family } from '../../agent/core/metric.ts';
import { createExposition, type Fault, type Format, SLICE_BYTES } from './exposition.ts';
import { CONTENT_TYPE, formatOf, gzipWanted } from './negotiate.ts';

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Takes the values of `Accept` and `Accept-Encoding`. */
export type Scrape = (accept: string | undefined, acceptEncoding: string | undefined) => Promise<Page>;

export interface ScrapeOptions {
  /** Everything known at this moment, from all sources. */
  families(): Promise<Iterable<Family>>;
  readonly log: Log;
  readonly meter: Meter;
}

const FAILURES: Desc = {
  name: 'eudaemon.exporter.failures',
  type: 'counter',
  help: 'Deliveries that failed, by reason.',
  labels: ['exporter', 'reason'],
};

const pack = promisify(gzip);
// Level 1 takes under half the time of level 6 for 4 % more bytes (bench/exposition.ts). A page repeats itself within 8 KiB,
// and for a small one half of the time would go into clearing memory for 32.
const FAST = { level: constants.Z_BEST_SPEED, windowBits: 13, memLevel: 6 };

/** Equal requests that overlap share one page, so that a page of each kind at most is in the making. */
export function createScrape({ families, log, meter }: ScrapeOptions): Scrape {
  const failures = meter.instrument(FAILURES);
  const fault: Fault = (reason, message) => {
    failures.with('prometheus', reason).add();
    log.warn(message);
  };
  const expose = createExposition();
  const running = new Map<string, Promise<Page>>();

  const answer = async (format: Format, packed: boolean): Promise<Page> => {
    const slices: Uint8Array[] = [];
    for (const slice of expose(await families(), format, fault)) {
      slices.push(slice);
      if (slice.length >= SLICE_BYTES) await setImmediate();
    }
    const page = Buffer.concat(slices);
    const headers = { 'content-type': CONTENT_TYPE[format], vary: 'accept, accept-encoding' };
    if (!packed) return { status: 200, headers, body: page };
    // One slice is packed sooner than another thread is woken for it.
    const body = slices.length === 1 ? gzipSync(page, FAST) : await pack(page, FAST);
    return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body };
  };

  return (accept, acceptEncoding) => {
    const format = formatOf(accept);
    const packed = gzipWanted(acceptEncoding);
    const kind = `${format} ${packed}`;
    let page = running.get(kind);
    if (!page) {
      page = answer(format, packed).finally(() => running.delete(kind));
      running.set(kind, page);
    }
    return page;
  };
}
