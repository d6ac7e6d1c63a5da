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
import { Recorder } from './record.ts';
import { createSenders } from './sender.ts';
import { receiveStreams, type Streams } from './streams.ts';

const TRUNCATED: Desc = {
  name: 'eudaemon.log.truncated',
  type: 'counter',
  unit: '{record}',
  help: 'Syslog messages cut at max_message.',
};

function nameOf({ path, udp, tcp, activation }: ListenOptions): string {
  if (path !== undefined) return path;
  if (udp !== undefined) return `udp ${udp}`;
  return tcp !== undefined ? `tcp ${tcp}` : `systemd socket ${activation}`;
}

export function create(options: SyslogOptions, room: StreamRoom): Stream {
  const truncations = room.meter.instrument(TRUNCATED).with();
  const recorder = new Recorder(room);
  const faults = new Set<string>();
  let datagrams: Datagrams | undefined;
  let streams: Streams | undefined;
  let listeners: Listeners | undefined;
  let isFull = false;

  const failed = (fault: string) => {
    faults.add(fault);
    room.log.error(fault);
  };

  const takeInto =
    (out: RecordSink): Take =>
    (buf, start, end, sender, at, truncated, sourceHigh, sourceLow, position) => {
      recorder.fill(buf, start, end, sender, at, truncated);
      const { record } = recorder;
      record.sourceHigh = sourceHigh;
      record.sourceLow = sourceLow;
      record.position = position;
      if (truncated) truncations.add(1);
      if (!out.push(record)) isFull = true;
    };

  return {
    async open(out) {
      let unavailable = '';
      const native = loadNative(cause => {
        unavailable = cause;
      });
      const desk: Desk = {
        room,
        options,
        senders: createSenders(room),
        out,
        take: takeInto(out),
        full: () => isFull,
        failed(fault) {
          failed(fault);
          listeners?.closeDatagrams();
        },
      };
      streams = receiveStreams(native, desk);
      listeners = createListeners(native, unavailable, streams);
      const inRunDir: ListenOptions = { path: join(room.runDir, DEFAULT_SOCKET), type: 'dgram', mode: 0o666 };
      for (const listen of options.listen.length > 0 ? options.listen : [inRunDir]) {
        try {
          await listeners.open(listen);
        } catch (error) {
          failed(`cannot listen for syslog on "${nameOf(listen)}": ${causeOf(error)}`);
        }
      }
      if (!native || listeners.sockets.length === 0) return;
      try {
        datagrams = receiveDatagrams(native, listeners.sockets, desk);
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
    faults: () => [
      ...faults,
      ...(listeners?.lost() ?? []).map(path => `syslog socket "${path}" was removed or replaced`),
    ],
    async close() {
      listeners?.hide();
      await Promise.all([datagrams?.close(), streams?.close()]);
      listeners?.closeDatagrams();
    },
  };
}
