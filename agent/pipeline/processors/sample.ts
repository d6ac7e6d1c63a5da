// Step `sample`: a share of the records stays. By value it is the hash that decides, so that what belongs together stays
// or goes together, on every host; else every n-th record of each daemon stays.

import { type SampleSpec, Stopped } from '../../core/processor.ts';
import { type LogRecord, utf8 } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';
import { valueText } from './text.ts';

/** Services with a count of their own; the oldest is forgotten. */
const MAX_SERVICES = 10_000;

export function createSample({ ratio, by }: SampleSpec, { unpacker }: StepRoom): Step {
  const owed = new Map<string, number>();
  const key = by === undefined || by === 'body' ? undefined : utf8(by);

  /** 0..1 from the value; -1 when there is none. */
  const place = (record: LogRecord): number => {
    if (by === 'body') return placeOf(record.buf, record.bodyStart, record.bodyEnd);
    if (key === undefined) return -1;
    unpacker.unpack(record.attributes);
    const at = record.attributes.find(key);
    const text = at < 0 ? undefined : valueText(record.attributes, at);
    if (text === undefined) return -1;
    const bytes = utf8(text);
    return placeOf(bytes, 0, bytes.length);
  };

  /** The first record of a service stays, and then one whenever the shares add up to a whole. */
  const isTurn = (service: string): boolean => {
    let share = owed.get(service);
    if (share === undefined) {
      if (owed.size >= MAX_SERVICES) owed.delete(owed.keys().next().value as string);
      share = 1 - ratio;
    }
    share += ratio;
    // Shares such as 1/10 are not exact: ten of them must still make one.
    const stays = share > 1 - 1e-9;
    owed.set(service, stays ? share - 1 : share);
    return stays;
  };

  return {
    run(record) {
      if (ratio <= 0) return Stopped.Sampled;
      const at = place(record);
      const stays = at < 0 ? isTurn(record.origin.service) : at < ratio;
      return stays ? '' : Stopped.Sampled;
    },
  };
}

/** FNV-1a with a finish that mixes (murmur3's fmix32), as a share of its range. */
function placeOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
