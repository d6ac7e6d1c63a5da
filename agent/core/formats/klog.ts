// Lines of glog and klog, as the daemons of Kubernetes and many in C++ write them. Pure.
// `Lmmdd hh:mm:ss.uuuuuu thread file:line] message`, where L is I, W, E or F (k8s.io/klog); newer glog has the year, too.

import type { Meanings } from '../daemon.ts';
import { utf8 } from '../record.ts';
import { Cursor } from './cursor.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { readPairs } from './logfmt.ts';
import { JsonScanner } from './scan.ts';
import { Levels } from './severity.ts';
import { Stamp } from './stamp.ts';

const THREAD = utf8('thread.id');
const FILE = utf8('code.file.path');
const LINE = utf8('code.line.number');

/** A message in quotes with pairs behind it (structured logging) is taken apart; any other is the body as it is. */
export function createKlog({ timezone }: Meanings = {}): Format {
  const line = new Cursor();
  const stamp = new Stamp(timezone);
  const scan = new JsonScanner();
  const fields = new Fields({}, {});
  const levels = new Levels({ D: 'debug', I: 'info', W: 'warning', E: 'error', F: 'fatal' });
  return record => {
    const { buf, bodyStart, bodyEnd, attributes: a } = record;
    if (!levels.put(record, buf, bodyStart, Math.min(bodyStart + 1, bodyEnd))) return false;
    if (!stamp.glog(buf, bodyStart + 1, bodyEnd, record.observedSeconds)) return false;
    line.begin(buf, stamp.end, bodyEnd);
    while (line.skip(0x20));
    if (!line.word() || line.number() < 0) return false;
    a.int(THREAD, line.number());
    if (!line.until(0x3a)) return false;
    a.text(FILE, buf, line.from, line.to);
    if (!line.until(0x5d) || line.number() < 0) return false;
    a.int(LINE, line.number());
    line.skip(0x20);
    record.seconds = stamp.seconds;
    record.nanos = stamp.nanos;
    record.bodyStart = line.at;
    if (line.peek() !== 0x22) return true;
    const { size } = a;
    fields.begin();
    scan.reset(buf, bodyEnd);
    const behind = scan.string(line.at);
    if (behind < 0) return true;
    const { text, from, to } = scan;
    if (!readPairs(record, scan, fields, scan.space(behind))) {
      a.size = size;
      return true;
    }
    record.buf = text;
    record.bodyStart = from;
    record.bodyEnd = to;
    return true;
  };
}
