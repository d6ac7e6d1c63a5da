// The spool in its place between flow and exporters: what is written, safe, lost or given up is told where it belongs.

import type { EventSink } from '../core/collector.ts';
import type { Log } from '../core/log.ts';
import { type Claims, createClaims } from './claims.ts';
import type { Flow } from './flow.ts';
import type { Ledger } from './ledger.ts';
import type { Spool } from './spool/contract.ts';
import type { Gauges } from './spool/gauges.ts';
import { type FsyncPolicy, type Keeper, keepSafe } from './spool/keeper.ts';
import type { Loss } from './spool/recover.ts';
import { openSpool } from './spool/spool.ts';

export interface SpoolConfig {
  readonly max_size: number;
  readonly min_free?: number | undefined;
  readonly when_full: 'drop_oldest' | 'block';
  readonly fsync: FsyncPolicy;
}

export interface Kept {
  readonly spool: Spool;
  readonly claims: Claims;
  readonly keeper: Keeper;
  /** Tells what was found damaged at the start; once there are exporters to hear it. */
  tellLosses(): void;
}

const ERROR = 17;

export function keep(room: {
  dir: string;
  config: SpoolConfig;
  flow: Flow;
  ledger: Ledger;
  gauges: Gauges;
  events: EventSink;
  log: Log;
  now: () => number;
}): Kept {
  const { dir, config, flow, ledger, gauges, events, log, now } = room;
  let written = 0;
  let synced = 0;

  const lost = ({ segment, from, to, records, cause }: Loss) =>
    events.emit({
      name: 'eudaemon.records.lost',
      daemon: undefined,
      severity: ERROR,
      body: `about ${records} records are lost: bytes ${from} to ${to} of spool segment ${segment}: ${cause}`,
      attributes: {
        'eudaemon.loss.source': 'spool',
        'eudaemon.loss.records': records,
        'eudaemon.loss.bytes': to - from,
      },
      at: now(),
    });

  const spool = openSpool({
    dir,
    maxSize: config.max_size,
    minFree: config.min_free,
    whenFull: config.when_full,
    durable: config.fsync !== 'off',
    log: log.room('spool'),
    takeRoom: flow.takeRoom,
    now,
    onDropped: (exporter, records, reason) => ledger.dropped(reason, exporter, records),
    onDamaged: gauges.damaged,
    onLost: lost,
    onWritten(seq) {
      written = seq;
      flow.committed(written, synced);
    },
    onRoom: () => flow.resume(),
  });
  return {
    spool,
    claims: createClaims({ spool, ledger, log: log.room('ledger'), waiting: () => flow.waiting }),
    keeper: keepSafe(spool, config.fsync, safe => {
      synced = safe;
      flow.committed(written, synced);
      // What the disk refused is tried again even when no exporter makes room.
      flow.resume();
    }),
    tellLosses() {
      for (const loss of spool.losses) {
        ledger.lost('spool', 'damaged', loss.records);
        lost(loss);
      }
    },
  };
}
