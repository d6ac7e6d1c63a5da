// Whose a line is that a syslog daemon wrote to a file: of the daemon that its tag names, else of its tag; and of the host
// it names, where that is another.

import { hostname } from 'node:os';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { LineFormat } from '../../agent/core/daemon.ts';
import { APPNAME, HOSTNAME } from '../../agent/core/formats/syslog.ts';
import { isSameHost } from '../../agent/core/host-name.ts';
import type { LogRecord, Origin } from '../../agent/core/record.ts';

export interface Claims {
  /** `file` is what the path alone tells. */
  originOf(record: LogRecord, file: Origin): Origin;
}

/** Tags and hosts remembered. */
const KEPT = 1000;

/** Undefined for formats whose lines name nobody. */
export function createClaims(
  format: LineFormat,
  room: Pick<StreamRoom, 'daemons' | 'origins'>,
  own = hostname(),
): Claims | undefined {
  if (!namesTags(format)) return undefined;
  const decoder = new TextDecoder();
  const known = new Map<string, Origin>();
  let declared = room.daemons.declared;

  const text = ({ attributes }: LogRecord, key: Uint8Array): string => {
    const { bytes, starts, ends } = attributes;
    const i = attributes.find(key);
    return i < 0 ? '' : decoder.decode(bytes[i]!.subarray(starts[i], ends[i]));
  };

  const examine = (host: string, tag: string, file: Origin): Origin => {
    const abroad = host === '' || isSameHost(host, own) ? undefined : host;
    const daemon = tag === '' ? undefined : room.daemons.ofIdentifier(tag);
    return room.origins.of(
      daemon ?? (tag || file.service),
      abroad === undefined ? daemon : undefined,
      abroad,
      file.attributes,
    );
  };

  return {
    originOf(record, file) {
      if (declared !== room.daemons.declared) {
        declared = room.daemons.declared;
        known.clear();
      }
      const [host, tag] = [text(record, HOSTNAME), text(record, APPNAME)];
      // Those of a container are no other file's.
      if (file.attributes.length > 0) return examine(host, tag, file);
      const key = `${host}\0${tag}\0${file.service}`;
      const before = known.get(key);
      if (before) return before;
      const origin = examine(host, tag, file);
      if (known.size >= KEPT) known.clear();
      known.set(key, origin);
      return origin;
    },
  };
}

function namesTags(format: LineFormat): boolean {
  if (typeof format === 'string') return format === 'syslog';
  if (format.format === 'syslog') return true;
  return (
    format.format !== undefined &&
    'content' in format &&
    format.content !== undefined &&
    namesTags(format.content)
  );
}
