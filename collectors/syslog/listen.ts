// Opens what `listen` asks for, or takes it up where it is open already, and closes it again. A datagram socket that
// nobody reads would make every logger wait, so it is better gone.

import { lookup } from 'node:dns/promises';
import { fstatSync } from 'node:fs';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { Native } from '../../agent/native/index.ts';
import type { ReadSocket } from '../../agent/native/reader.ts';
import { openFifo } from './fifo.ts';
import { createHolder } from './held.ts';
import type { ListenOptions } from './options.ts';
import { clearPath, ownerOf, type SocketFile, socketFile } from './socket-file.ts';
import type { Address, Streams } from './streams.ts';

export interface Listeners {
  /** Datagram sockets to read. */
  readonly sockets: ReadSocket[];
  /** Throws when it cannot listen there. */
  open(listen: ListenOptions): Promise<void>;
  /** Everything asked for is open, as far as it can be. */
  opened(): void;
  /** Paths of sockets and pipes that are ours no more, as `socket "/dev/log"`. */
  lost(): string[];
  /** Takes away the files of sockets that end with us: from now on there are no new senders. */
  hide(): void;
  /** No datagrams can be read. */
  giveUpDatagrams(): void;
  /** `again`: sockets and pipes stay open for who comes after us. */
  close(again: boolean): void;
}

const textOf = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

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
  room: Pick<StreamRoom, 'held' | 'log'>,
  streams: Streams,
): Listeners {
  const sockets: ReadSocket[] = [];
  let files: (SocketFile & { readonly address: string })[] = [];
  const pipes: SocketFile[] = [];
  const holder = native && createHolder(native, room, process.env);

  const needNative = (): Native => {
    if (!native) throw new Error(`${unavailable}; stream sockets work without`);
    return native;
  };

  /** A datagram socket that is held already, or that `bind` makes. */
  const openDatagrams = (address: string, udp: boolean, bind: (native: Native) => number) => {
    const held = holder?.at(address);
    const fd = held ?? bind(needNative());
    if (held === undefined) holder?.hold(address, fd);
    else native?.adopt(fd);
    sockets.push({ fd, udp, ours: holder?.heldBy(address) === 'us' });
  };

  const openStream = async (address: string, fresh: () => Address, tls?: ListenOptions['tls']) => {
    const held = holder?.at(address);
    const fd = await streams.listen(address, held === undefined ? fresh() : { fd: held }, tls);
    if (held === undefined && fd !== undefined) holder?.hold(address, fd);
  };

  const openPath = async (path: string, { type, mode, owner, group }: ListenOptions) => {
    const ids = ownerOf(owner, group);
    const address = `${type} ${path}`;
    if (type === 'dgram') needNative();
    // What is held there would answer as another program's.
    const isHeld = holder?.heldBy(address) !== undefined;
    if (!isHeld) await clearPath(path);
    if (type === 'dgram') openDatagrams(address, false, ({ bindUnix }) => bindUnix(path));
    else await openStream(address, () => (native ? { fd: native.listenUnix(path) } : { path }));
    const file = { ...socketFile(path), address };
    files.push(file);
    if (!isHeld) file.give(mode, ids);
  };

  const openPipe = (given: NonNullable<ListenOptions['fifo']>, { mode, owner, group }: ListenOptions) => {
    const { path, daemon } = typeof given === 'string' ? { path: given } : given;
    const address = `fifo ${path}`;
    const held = holder?.at(address);
    const fd = held ?? openFifo(needNative(), path, mode, ownerOf(owner, group));
    if (held === undefined) holder?.hold(address, fd);
    pipes.push(socketFile(path));
    streams.read(fd, path, daemon);
  };

  /** systemd keeps what it passed: what is read and closed here are copies. */
  const openPassed = async (name: string) => {
    needNative();
    for (const fd of holder!.named(name)) {
      const kind = native!.adopt(fd);
      if (kind) sockets.push({ fd, udp: kind === 'udp', ours: false });
      else if (fstatSync(fd).isFIFO()) streams.read(fd, name, undefined);
      else await streams.listen(native!.boundTo(fd) ?? name, { fd });
    }
  };

  return {
    sockets,
    async open(listen) {
      const { path, fifo, udp, tcp, tls, activation } = listen;
      if (path !== undefined) await openPath(path, listen);
      else if (fifo !== undefined) openPipe(fifo, listen);
      else if (udp !== undefined) {
        const { host, port } = await resolveEndpoint(udp);
        openDatagrams(`dgram ${textOf(host, port)}`, true, ({ bindUdp }) => bindUdp(host, port));
      } else if (tcp !== undefined) {
        const at = await resolveEndpoint(tcp);
        await openStream(`stream ${textOf(at.host, at.port)}`, () => at, tls);
      } else await openPassed(activation ?? '');
    },
    opened() {
      streams.opened();
      holder?.sweep();
    },
    lost: () => [
      ...files.filter(file => !file.intact()).map(({ path }) => `socket "${path}"`),
      ...pipes.filter(pipe => !pipe.intact()).map(({ path }) => `pipe "${path}"`),
    ],
    hide() {
      for (const file of files) if (holder?.heldBy(file.address) === 'us' || !holder) file.remove();
    },
    giveUpDatagrams() {
      for (const file of files)
        if (file.address.startsWith('dgram ') && holder?.heldBy(file.address) !== 'unit') file.remove();
      files = files.filter(file => !file.address.startsWith('dgram '));
      for (const { fd } of sockets.splice(0)) native?.close(fd);
      holder?.release('dgram');
    },
    close(again) {
      for (const { fd } of sockets.splice(0)) native?.close(fd);
      if (!again) holder?.release('own');
    },
  };
}
