// Opens what `listen` asks for, and closes it again. A datagram socket that nobody reads would make every logger wait,
// so it is better gone.

import { lookup } from 'node:dns/promises';
import type { Native } from '../../agent/native/index.ts';
import { passedSockets } from './activation.ts';
import type { DatagramSocket } from './datagrams.ts';
import type { ListenOptions } from './options.ts';
import { clearPath, ownerOf, type SocketFile, socketFile } from './socket-file.ts';
import type { Streams } from './streams.ts';

export interface Listeners {
  /** Datagram sockets to read. */
  readonly sockets: DatagramSocket[];
  /** Throws when it cannot listen there. */
  open(listen: ListenOptions): Promise<void>;
  /** Paths of sockets that are ours no more. */
  lost(): string[];
  /** Takes our sockets' files away: from now on there are no new senders. */
  hide(): void;
  closeDatagrams(): void;
}

/** `host:port` with the host as an address; an empty host is every address. */
async function resolveEndpoint(endpoint: string): Promise<{ host: string; port: number }> {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, '') || '::';
  return { host: (await lookup(host)).address, port: Number(endpoint.slice(colon + 1)) };
}

/** `unavailable` says why there is no `native`. */
export function createListeners(
  native: Native | undefined,
  unavailable: string,
  streams: Streams,
): Listeners {
  const sockets: DatagramSocket[] = [];
  let files: (SocketFile & { readonly dgram: boolean })[] = [];

  const needNative = (): Native => {
    if (!native) throw new Error(`${unavailable}; stream sockets work without`);
    return native;
  };

  const openPath = async (path: string, { type, mode, owner, group }: ListenOptions) => {
    const ids = ownerOf(owner, group);
    const dgram = type === 'dgram';
    if (dgram) needNative();
    await clearPath(path);
    if (dgram) sockets.push({ fd: needNative().bindUnix(path), udp: false });
    else await streams.listen({ path });
    const file = socketFile(path);
    files.push({ ...file, dgram });
    file.give(mode, ids);
  };

  /** systemd keeps its socket: what is closed here is a copy. */
  const openPassed = async (name: string) => {
    for (const passed of passedSockets(process.env, process.pid, name)) {
      const fd = native ? native.duplicate(passed) : passed;
      const kind = native?.adopt(fd);
      if (kind) sockets.push({ fd, udp: kind === 'udp' });
      else await streams.listen({ fd });
    }
  };

  return {
    sockets,
    async open(listen) {
      const { path, udp, tcp, tls, activation } = listen;
      if (path !== undefined) await openPath(path, listen);
      else if (udp !== undefined) {
        const { host, port } = await resolveEndpoint(udp);
        sockets.push({ fd: needNative().bindUdp(host, port), udp: true });
      } else if (tcp !== undefined) await streams.listen(await resolveEndpoint(tcp), tls);
      else await openPassed(activation ?? '');
    },
    lost: () => files.filter(file => !file.intact()).map(file => file.path),
    hide() {
      for (const file of files) file.remove();
    },
    closeDatagrams() {
      for (const file of files) if (file.dgram) file.remove();
      files = files.filter(file => !file.dgram);
      for (const { fd } of sockets.splice(0)) native?.close(fd);
    },
  };
}
