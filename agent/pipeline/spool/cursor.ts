// Where an exporter stands in the spool, kept in a file of its own; a lost or torn one costs duplicates, never records.

import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Position {
  readonly segment: number;
  readonly offset: number;
}

const cursorName = (exporter: string): string => `cursor-${exporter}.json`;
const NAME = /^cursor-(.+)\.json$/;

/** The exporter a cursor file belongs to. */
export const cursorOwner = (name: string): string | undefined => NAME.exec(name)?.[1];

export function loadCursor(dir: string, exporter: string): Position {
  try {
    const { segment, offset } = JSON.parse(readFileSync(join(dir, cursorName(exporter)), 'utf8'));
    if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset)) return { segment, offset };
  } catch {
    // Absent or torn: everything in the spool is due.
  }
  return { segment: 0, offset: 0 };
}

export function saveCursor(dir: string, exporter: string, position: Position): void {
  const path = join(dir, cursorName(exporter));
  writeFileSync(`${path}.tmp`, JSON.stringify({ segment: position.segment, offset: position.offset }), {
    mode: 0o600,
  });
  renameSync(`${path}.tmp`, path);
}

export function removeCursor(dir: string, exporter: string): void {
  try {
    unlinkSync(join(dir, cursorName(exporter)));
  } catch {
    // It was never saved.
  }
}
