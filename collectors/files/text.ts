// Text at hand becomes the records it would become as the content of a followed file: the same lines, joining and formats.

import type { RecordSink, StreamRoom } from '../../agent/core/collector.ts';
import type { LineFormat } from '../../agent/core/daemon.ts';
import { LogRecord } from '../../agent/core/record.ts';
import { markOf } from './encoding.ts';
import { learnForm } from './header.ts';
import { LineReader } from './lines.ts';
import { DEFAULTS, type FilesOptions } from './options.ts';
import { createShelf } from './shelf.ts';
import { createSources, type Source } from './sources.ts';

/** How text is to be read; what is not given is what the configuration says of `path`. */
export interface Reading {
  readonly path: string;
  /** A declared daemon whose file it is. */
  readonly daemon?: string;
  readonly parse?: LineFormat;
}

/** Its last line may have no newline. After a `push()` that returned false no further one is read. */
export function readText(
  text: Uint8Array,
  reading: Reading,
  options: FilesOptions,
  room: StreamRoom,
  out: RecordSink,
): void {
  const now = room.now();
  const shelf = createShelf(room, { record: new LogRecord(), out, released() {} });
  const { path } = reading;
  const source = sourceOf(reading, options, room);
  const file = shelf.add(
    source,
    path,
    { path, target: path, id: { dev: 0, ino: 0, birth: 0 }, mtime: 0 },
    now,
  );
  const lines = new LineReader();
  const { trail } = file;
  learnForm(file, text, 0);
  trail.begin(file, text, 0, now);
  const { limit } = file.text;
  if (!lines.read(text, markOf(text, limit.unit), limit, trail)) return;
  const { at, lastPiece } = lines;
  if (at === text.length || trail.line(at, text.length, text.length, lastPiece))
    trail.flush(Infinity, Infinity, now);
}

function sourceOf({ path, daemon, parse }: Reading, options: FilesOptions, room: StreamRoom): Source {
  const { declared } = room.daemons;
  const only = (one: typeof declared, entries: FilesOptions) =>
    createSources(entries, { ...room, daemons: { ...room.daemons, declared: one } })[0]!;
  const spec = declared.find(({ name }) => name === daemon);
  if (spec !== undefined) {
    const logs = { ...spec.logs, files: [path], ...(parse === undefined ? {} : { parse }) };
    return only([{ ...spec, logs }], []);
  }
  const entry = { ...DEFAULTS, include: [path] };
  if (parse !== undefined) return only([], [{ ...entry, parse }]);
  return createSources(options, room).find(source => source.has(path)) ?? only([], [entry]);
}
