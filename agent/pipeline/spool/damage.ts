// Damage that came while the agent ran: readers that had it ahead of them lose it.

import type { SpoolOptions } from './contract.ts';
import type { Quarantine } from './quarantine.ts';
import type { SpoolReader } from './reader.ts';
import { type Hole, type Segment, segmentName } from './segment.ts';

/** What is to be done with a hole that was not known. */
export function createDamage(room: {
  readers: ReadonlyMap<string, SpoolReader>;
  quarantine: Quarantine;
  options: Pick<SpoolOptions, 'log' | 'onDamaged' | 'onDropped' | 'onLost'>;
}): (segment: Segment, hole: Hole) => void {
  const { readers, quarantine, options } = room;
  return (segment, hole) => {
    const holes = [hole];
    const before = segment.records;
    segment.recount(more => holes.push(more));
    const records = before - segment.records;
    for (const { from, to } of holes) {
      options.log.error(`cannot read spool segment "${segmentName(segment.id)}": damaged, skipped`, {
        from,
        to,
      });
      quarantine.copy(`${segmentName(segment.id)}-${from}`, segment.fd!, from, to);
      options.onDamaged(to - from);
    }
    for (const reader of readers.values()) {
      const lost = reader.lose(segment, before);
      if (lost > 0) options.onDropped(reader.name, lost, 'damaged');
    }
    options.onLost({ segment: segment.id, from: hole.from, to: hole.to, records, cause: 'damaged, skipped' });
  };
}
