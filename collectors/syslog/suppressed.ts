// What was received and given up here, told by sender: one event at the end of a window.

import type { StreamRoom } from '../../agent/core/collector.ts';
import type { Sender } from './sender.ts';

/** An event tells of what was suppressed in so long. */
const WINDOW_MS = 10_000;
/** Senders told one by one in a window; what others lost is told as one. */
const MAX_SENDERS = 256;
const WARNING = 13;

interface Entry {
  readonly reason: string;
  readonly why: string;
  /** Undefined: all others. */
  readonly sender: Sender | undefined;
  count: number;
  /** Unix ms of the first. */
  readonly since: number;
}

export interface Suppressed {
  /** `reason` as in the ledger, `why` in words. `at` in Unix ms. */
  add(reason: string, why: string, sender: Sender | undefined, count: number, at: number): void;
  /** Tells of windows that are over, or of all. */
  tick(now: number, isLast?: boolean): void;
}

export function createSuppressed({ events, origins }: Pick<StreamRoom, 'events' | 'origins'>): Suppressed {
  const reasons = new Map<string, Map<string, Entry>>();

  const tell = ({ reason, why, sender, count, since }: Entry, now: number) => {
    const seconds = Math.max(1, Math.round((now - since) / 1000));
    const name = sender?.name ?? 'other senders';
    events.emit({
      name: 'eudaemon.records.suppressed',
      daemon: sender?.daemon,
      ...(sender && { origin: sender.origin ?? origins.of(sender.name, undefined, sender.peer) }),
      severity: WARNING,
      body: `suppressed ${count} messages from ${name} in ${seconds}s: ${why}`,
      attributes: {
        'eudaemon.suppressed.count': count,
        'eudaemon.suppressed.reason': reason,
        ...(sender && sender.pid > 0 && { 'process.pid': sender.pid }),
      },
      at: now,
    });
  };

  return {
    add(reason, why, sender, count, at) {
      let entries = reasons.get(reason);
      if (!entries) {
        entries = new Map();
        reasons.set(reason, entries);
      }
      const one = sender !== undefined && (entries.has(sender.key) || entries.size < MAX_SENDERS);
      const key = one ? sender.key : '';
      const entry = entries.get(key);
      if (entry) entry.count += count;
      else entries.set(key, { reason, why, sender: one ? sender : undefined, count, since: at });
    },
    tick(now, isLast = false) {
      for (const entries of reasons.values())
        for (const [key, entry] of entries)
          if (isLast || Math.abs(now - entry.since) >= WINDOW_MS) {
            tell(entry, now);
            entries.delete(key);
          }
    },
  };
}
