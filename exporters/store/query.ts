// Looks into the store, while it is being written or long after. Reads segments in pieces, skips those too old.

import { isoTime, type StoredRecord } from '../../agent/core/line.ts';
import { endOfLines, listSegments, openSegment, readBackward, readForward, type Segment } from './segment.ts';

export interface Filter {
  /** service.name, which for a declared daemon is its name; or the tag of a message, whoever sent it. */
  readonly daemon?: string;
  /** Unix ms; compared with the record's time. Records of a sender's clock that runs ahead may be missed. */
  readonly since?: number;
  /** Least SeverityNumber. */
  readonly severity?: number;
  /** Over the body, or its JSON where it is not text. */
  readonly grep?: { test(text: string): boolean };
}

export interface Query extends Filter {
  readonly newestFirst?: boolean;
  readonly limit?: number;
  /** Looks no further than this; the end of the store as it is when absent. */
  readonly until?: Position;
}

/** A place between two lines of the store. */
export interface Position {
  readonly path: string;
  readonly offset: number;
}

export interface Found {
  readonly record: StoredRecord;
  /** The line as stored, without its newline. */
  readonly line: string;
}

/** The end of the store; undefined while it has no segment. */
export async function endOfStore(directory: string): Promise<Position | undefined> {
  for (const { path } of (await listSegments(directory)).reverse()) {
    await using file = await openSegment(path);
    if (file) return { path, offset: await endOfLines(file) };
  }
  return undefined;
}

/** Matching records in the order they were stored, or the other way round. Damaged lines are passed over. */
export async function* query(directory: string, asked: Query): AsyncGenerator<Found> {
  let left = asked.limit ?? Number.POSITIVE_INFINITY;
  const match = createMatcher(asked);
  const segments = within(await listSegments(directory), asked);
  for (const { path } of asked.newestFirst ? segments.reverse() : segments) {
    await using file = await openSegment(path);
    if (!file) continue;
    const end = path === asked.until?.path ? asked.until.offset : (await file.stat()).size;
    for await (const line of asked.newestFirst ? readBackward(file, end) : readForward(file, 0, end)) {
      if (left <= 0) return;
      const found = match(line);
      if (!found) continue;
      left--;
      yield found;
    }
  }
}

/** Segments that may hold what is asked for: a segment ends before the next one starts. */
function within(segments: Segment[], { since, until }: Query): Segment[] {
  const last = until ? segments.findIndex(segment => segment.path === until.path) : segments.length - 1;
  return segments
    .slice(0, last + 1)
    .filter((_, i, all) => since === undefined || (all[i + 1]?.start ?? Number.POSITIVE_INFINITY) >= since);
}

/** What a message of syslog claims to be of. */
const TAG = 'syslog.appname';

/** Undefined for a line that does not match or is none. */
export function createMatcher({
  daemon,
  since,
  severity,
  grep,
}: Filter): (line: Buffer) => Found | undefined {
  // Most lines are of other daemons; this look is ten times cheaper than parsing them.
  const names = ['service', TAG].map(key => Buffer.from(`"${key}":${JSON.stringify(daemon)}`));
  const isOf = ({ service, attributes }: StoredRecord) =>
    daemon === undefined || service === daemon || attributes?.[TAG] === daemon;
  const earliest = since === undefined ? '' : isoTime(BigInt(Math.max(0, Math.round(since))) * 1_000_000n);
  return bytes => {
    if (daemon !== undefined && !names.some(name => bytes.includes(name))) return undefined;
    const line = bytes.toString();
    const record = parseRecord(line);
    if (!record || !isOf(record) || record.time < earliest) return undefined;
    if (severity !== undefined && (record.severity_number ?? 0) < severity) return undefined;
    if (grep && !grep.test(bodyText(record))) return undefined;
    return { record, line };
  };
}

export const bodyText = ({ body }: StoredRecord): string =>
  typeof body === 'string' ? body : JSON.stringify(body);

function parseRecord(line: string): StoredRecord | undefined {
  try {
    const record = JSON.parse(line);
    return typeof record?.time === 'string' && typeof record.service === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}
