// Receives syslog: datagrams through the mapped ring, streams through node:net, both into one parser and recorder.

import { join } from 'node:path';
import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { loadNative } from '../../agent/native/index.ts';
import { type Datagrams, receiveDatagrams } from './datagrams.ts';
import type { Desk, Take } from './desk.ts';
import { createListeners, type Listeners } from './listen.ts';
import { DEFAULT_SOCKET, type ListenOptions, type SyslogOptions } from './options.ts';
import { countMismatches, Recorder } from './record.ts';
import { createSenders, type Senders } from './sender.ts';
import { receiveStreams, type Streams } from './streams.ts';
import { createSuppressed } from './suppressed.ts';

/** As the processor `rate_limit` counts it. */
const RATE_LIMITED = 'rate_limited';

const TRUNCATED: Desc = {
  name: 'eudaemon.log.truncated',
  type: 'counter',
  unit: '{record}',
  help: 'Syslog messages cut at max_message.',
};

function nameOf({ path, fifo, udp, tcp, activation }: ListenOptions): string {
  if (path !== undefined) return path;
  if (fifo !== undefined) return `pipe ${typeof fifo === 'string' ? fifo : fifo.path}`;
  if (udp !== undefined) return `udp ${udp}`;
  return tcp !== undefined ? `tcp ${tcp}` : `systemd socket ${activation}`;
}

export function create(options: SyslogOptions, room: StreamRoom): Stream {
  const truncations = room.meter.instrument(TRUNCATED).with();
  const recorder = new Recorder(room);
  const faults = new Set<string>();
  const suppressed = createSuppressed(room);
  const overLimit = `over the limit of ${options.rate_limit?.rate}`;
  let sink: RecordSink | undefined;
  let limited = 0;
  let senders: Senders | undefined;
  let datagrams: Datagrams | undefined;
  let streams: Streams | undefined;
  let listeners: Listeners | undefined;
  let isFull = false;

  const failed = (fault: string) => {
    faults.add(fault);
    room.log.error(fault);
  };

  /** `mayWait`: until it is written it is held elsewhere. */
  const takeInto =
    (out: RecordSink, mayWait: boolean): Take =>
    (buf, start, end, sender, at, truncated, sourceHigh, sourceLow, position) => {
      if (sender.bucket !== undefined && !sender.bucket.take(at)) {
        suppressed.add(RATE_LIMITED, overLimit, sender, 1, at);
        limited++;
        return;
      }
      recorder.fill(buf, start, end, sender, at, truncated);
      const { record } = recorder;
      record.sourceHigh = sourceHigh;
      record.sourceLow = sourceLow;
      record.position = position;
      record.mayWait = mayWait;
      if (truncated) truncations.add(1);
      if (!out.push(record)) isFull = true;
    };

  const tick = () => {
    datagrams?.tick();
    streams?.tick();
    if (limited > 0) sink?.drop(RATE_LIMITED, limited);
    limited = 0;
    suppressed.tick(room.now());
  };

  return {
    async open(out) {
      sink = out;
      countMismatches(room);
      let unavailable = '';
      const native = loadNative(cause => {
        unavailable = cause;
      });
      senders = createSenders(room, options.rate_limit);
      const desk: Desk = {
        room,
        options,
        senders,
        suppressed,
        out,
        take: takeInto(out, false),
        full: () => isFull,
        failed(fault) {
          failed(fault);
          listeners?.giveUpDatagrams();
        },
      };
      streams = receiveStreams(native, desk);
      listeners = createListeners(native, unavailable, room, streams);
      const inRunDir: ListenOptions = { path: join(room.runDir, DEFAULT_SOCKET), type: 'dgram', mode: 0o666 };
      for (const listen of options.listen.length > 0 ? options.listen : [inRunDir]) {
        try {
          await listeners.open(listen);
        } catch (error) {
          failed(`cannot listen for syslog on "${nameOf(listen)}": ${causeOf(error)}`);
        }
      }
      listeners.opened();
      if (!native || listeners.sockets.length === 0) return;
      try {
        datagrams = receiveDatagrams(native, listeners.sockets, { ...desk, take: takeInto(out, true) });
      } catch (error) {
        desk.failed(`cannot open syslog ring in "${room.runDir}": ${causeOf(error)}`);
      }
    },
    resume() {
      isFull = false;
      datagrams?.resume();
      streams?.resume();
    },
    committed: written => datagrams?.committed(written),
    redeclared() {
      recorder.forget();
      senders?.forget();
      countMismatches(room);
    },
    tick,
    faults: () => [
      ...faults,
      ...(listeners?.lost() ?? []).map(what => `syslog ${what} was removed or replaced`),
    ],
    async close(again = false) {
      if (!again) listeners?.hide();
      await Promise.all([datagrams?.close(again), streams?.close(again)]);
      tick();
      suppressed.tick(room.now(), true);
      listeners?.close(again);
    },
    release: () => datagrams?.release(),
  };
}
