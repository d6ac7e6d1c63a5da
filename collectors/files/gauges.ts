// What the collector tells of its own work.

import type { Meter } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import type { LogFile } from './file.ts';
import type { Source } from './sources.ts';

const LAG: Desc = {
  name: 'eudaemon.tail.lag',
  type: 'gauge',
  unit: 'By',
  help: 'Bytes of log files that are not read yet.',
  labels: ['daemon'],
};
const HELD_DELETED: Desc = {
  name: 'eudaemon.tail.held_deleted',
  type: 'gauge',
  unit: 'By',
  help: 'Bytes of deleted log files that are held open until they are read.',
  labels: ['daemon'],
};
const FILES: Desc = {
  name: 'eudaemon.tail.files',
  type: 'gauge',
  unit: '{file}',
  help: 'Log files that are followed.',
  labels: ['daemon'],
};
const LONG_LINES: Desc = {
  name: 'eudaemon.tail.long_lines',
  type: 'counter',
  unit: '{line}',
  help: 'Lines over the limit, which were split or cut.',
  labels: ['daemon'],
};

export interface Gauges {
  longLines(source: Source, count: number): void;
  /** Sets the gauges from all followed files. */
  show(files: Iterable<LogFile>): void;
}

/** The label of files that no daemon declares is empty. */
export function createGauges(meter: Meter, sources: readonly Source[]): Gauges {
  const long = meter.instrument(LONG_LINES);
  const rows = new Map(
    [...new Set(sources.map(source => source.daemon ?? ''))].map(daemon => [
      daemon,
      {
        lag: 0,
        held: 0,
        files: 0,
        lagCell: meter.instrument(LAG).with(daemon),
        heldCell: meter.instrument(HELD_DELETED).with(daemon),
        filesCell: meter.instrument(FILES).with(daemon),
      },
    ]),
  );
  return {
    longLines: (source, count) => long.with(source.daemon ?? '').add(count),
    show(files) {
      for (const row of rows.values()) row.lag = row.held = row.files = 0;
      for (const file of files) {
        const row = rows.get(file.source.daemon ?? '')!;
        row.files++;
        const read = file.isPacked ? (file.unread ? 0 : file.size) : Math.max(file.offset, file.startAt);
        if (!file.isIgnored && !file.isUnproven) row.lag += Math.max(0, file.size - read);
        if (file.links === 0) row.held += file.size;
      }
      for (const row of rows.values()) {
        row.lagCell.set(row.lag);
        row.heldCell.set(row.held);
        row.filesCell.set(row.files);
      }
    },
  };
}
