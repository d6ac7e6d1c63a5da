// A spool in a directory of its own, which lives as long as the test.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Spool, SpoolOptions } from '../../agent/pipeline/spool/contract.ts';
import type { Reader } from '../../agent/pipeline/spool/reader.ts';
import type { Loss } from '../../agent/pipeline/spool/recover.ts';
import { openSpool } from '../../agent/pipeline/spool/spool.ts';
import { quiet } from '../quiet.ts';

export interface Seen {
  dropped: number;
  readonly reasons: Set<string>;
  damaged: number;
  written: number;
  room: number;
  readonly lost: Loss[];
  readonly said: string[];
}

/** Call it once a file, at its top. */
export function spoolRig(parent = tmpdir()) {
  const rig = { dir: '' };
  let open: Spool[] = [];
  beforeEach(() => {
    rig.dir = mkdtempSync(join(parent, 'spool-'));
    open = [];
  });
  afterEach(async () => {
    for (const spool of open) await spool.close();
    rmSync(rig.dir, { recursive: true, force: true });
  });

  return {
    get dir() {
      return rig.dir;
    },
    start(options: Partial<SpoolOptions> = {}) {
      const seen: Seen = {
        dropped: 0,
        reasons: new Set(),
        damaged: 0,
        written: 0,
        room: 0,
        lost: [],
        said: [],
      };
      const say = (message: string) => void seen.said.push(message);
      const spool = openSpool({
        dir: rig.dir,
        maxSize: 64 * 2 ** 20,
        whenFull: 'drop_oldest',
        durable: true,
        log: { ...quiet, info: say, warn: say, error: say },
        now: () => 1_000_000,
        onDropped(_, records, reason) {
          seen.dropped += records;
          seen.reasons.add(reason);
        },
        onDamaged(bytes) {
          seen.damaged += bytes;
        },
        onLost: loss => seen.lost.push(loss),
        onWritten(seq) {
          seen.written = seq;
        },
        onRoom() {
          seen.room++;
        },
        ...options,
      });
      open.push(spool);
      return { spool, seen };
    },
    /** A life that ends without a word: its files stay as they are. */
    crash: () => void open.splice(0),
    /** The spool is this directory from now on. */
    use(dir: string) {
      rig.dir = dir;
    },
    segments: () => readdirSync(rig.dir).filter(name => name.endsWith('.seg')),
    path: (name: string) => join(rig.dir, name),
  };
}

export const batch = (text: string, records = 1) => ({ bytes: Buffer.from(text), records });
export const text = (taken: { bytes: Uint8Array } | undefined) =>
  taken && Buffer.from(taken.bytes).toString();

/** Takes and gives back all there is. */
export function drain(reader: Reader): string {
  let all = '';
  for (let taken = reader.take(1); taken; taken = reader.take(1)) {
    all += text(taken);
    reader.done(taken);
  }
  return all;
}

/** Flips a bit of a file. */
export function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x10;
  writeFileSync(path, bytes);
}
