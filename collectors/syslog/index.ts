// Receives syslog: datagrams through the mapped ring, streams through node:net, both into one parser and recorder.

import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { loadNative } from '../../agent/native/index.ts';
import { passedSockets } from './activation.ts';
import { type DatagramSocket, type Datagrams, receiveDatagrams } from './datagrams.ts';
import { DEFAULT_SOCKET, type ListenOptions, type SyslogOptions } from './options.ts';
import { Recorder } from './record.ts';
import { createSenders } from './sender.ts';
import { clearPath, ownSocketFile, type SocketFile } from './socket-file.ts';
import { receiveStreams, type Streams } from './streams.ts';
import type { Take } from './take.ts';

const TRUNCATED: Desc = {
  name: 'eudaemon.log.truncated',
  type: 'counter',
  unit: '{record}',
  help: 'Syslog messages cut at max_message.',
};

const nameOf = (listen: ListenOptions): string =>
  listen.path ??
  (listen.udp !== undefined ? `udp ${listen.udp}` : undefined) ??
  (listen.tcp !== undefined ? `tcp ${listen.tcp}` : `systemd socket ${listen.activation}`);

/** `host:port` with the host as an address; an empty host is every address. */
async function resolveEndpoint(endpoint: string): Promise<{ host: string; port: number }> {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, '') || '::';
  return { host: (await lookup(host)).address, port: Number(endpoint.slice(colon + 1)) };
}

export function create(options: SyslogOptions, room: StreamRoom): Stream {
  const { log } = room;
  const truncations = room.meter.instrument(TRUNCATED).with();
  const recorder = new Recorder(room);
  const senders = createSenders(room);
  const faults = new Set<string>();
  const files = new Map<string, SocketFile>();
  const sockets: DatagramSocket[] = [];
  let unavailable = '';
  const native = loadNative(cause => {
    unavailable = cause;
  });
  let datagrams: Datagrams | undefined;
  let streams: Streams | undefined;
  let isFull = false;
  const full = () => isFull;

  const fail = (fault: string) => {
    faults.add(fault);
    log.error(fault);
  };

  const needNative = () => {
    if (!native) throw new Error(`${unavailable}; stream sockets work without`);
    return native;
  };

  const bindPath = async (path: string, { type, mode, owner, group }: ListenOptions, to: Streams) => {
    if (type === 'dgram') needNative();
    await clearPath(path);
    if (type === 'dgram') sockets.push({ fd: needNative().bindUnix(path), udp: false });
    else await to.listen({ path });
    files.set(path, ownSocketFile(path, mode, owner, group));
  };

  const bind = async (listen: ListenOptions, to: Streams) => {
    if (listen.path !== undefined) await bindPath(listen.path, listen, to);
    else if (listen.udp !== undefined) {
      const { host, port } = await resolveEndpoint(listen.udp);
      sockets.push({ fd: needNative().bindUdp(host, port), udp: true });
    } else if (listen.tcp !== undefined) await to.listen(await resolveEndpoint(listen.tcp), listen.tls);
    else
      for (const fd of passedSockets(process.env, process.pid, listen.activation ?? '')) {
        const kind = native?.adopt(fd);
        if (kind) sockets.push({ fd, udp: kind === 'udp' });
        else await to.listen({ fd });
      }
  };

  return {
    async open(out: RecordSink) {
      const take: Take = (buf, start, end, sender, at, truncated, sourceHigh, sourceLow, position) => {
        recorder.fill(buf, start, end, sender, at, truncated);
        const { record } = recorder;
        record.sourceHigh = sourceHigh;
        record.sourceLow = sourceLow;
        record.position = position;
        if (truncated) truncations.add(1);
        if (!out.push(record)) isFull = true;
      };
      streams = receiveStreams(native, room, options, senders, take, full);
      const inRunDir: ListenOptions = { path: join(room.runDir, DEFAULT_SOCKET), type: 'dgram', mode: 0o666 };
      for (const listen of options.listen.length > 0 ? options.listen : [inRunDir]) {
        try {
          await bind(listen, streams);
        } catch (error) {
          fail(`cannot listen for syslog on "${nameOf(listen)}": ${causeOf(error)}`);
        }
      }
      if (!native || sockets.length === 0) return;
      try {
        datagrams = receiveDatagrams(native, room, options, sockets, senders, out, take, full, fail);
      } catch (error) {
        fail(`cannot open syslog ring "${join(room.runDir, 'syslog.ring')}": ${causeOf(error)}`);
      }
    },
    resume() {
      isFull = false;
      datagrams?.resume();
      streams?.resume();
    },
    committed: written => datagrams?.committed(written),
    faults() {
      const replaced = [...files].filter(([, file]) => !file.intact());
      return [...faults, ...replaced.map(([path]) => `syslog socket "${path}" was removed or replaced`)];
    },
    async close() {
      for (const file of files.values()) file.remove();
      await Promise.all([datagrams?.close(), streams?.close()]);
      for (const { fd } of sockets) native?.close(fd);
    },
  };
}
