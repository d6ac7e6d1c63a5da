// Stream sockets: TCP, TLS and Unix, and named pipes. Each connection has its framer; while the sink is full all of
// them are paused.

import { readSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { attempt, causeOf } from '../../agent/core/errors.ts';
import type { Native } from '../../agent/native/index.ts';
import { openCertificate } from './certificate.ts';
import type { Desk } from './desk.ts';
import { Framer } from './frame.ts';
import type { ListenOptions } from './options.ts';
import type { Sender } from './sender.ts';

/** An address, a path, or a descriptor that listens already. */
export type Address = { host: string; port: number } | { path: string } | { fd: number };

/** Peers that are gone without a word are found after this and some probes. */
const KEEP_ALIVE_MS = 60_000;
/** A peer that has not shown by then that it speaks TLS holds one of the connections in vain. */
const HANDSHAKE_MS = 30_000;
/** A line in a pipe that nobody has ended is whole after so many ticks. */
const QUIET_TICKS = 5;
const READ_BYTES = 64 * 1024;
/** Reads at the end of what the kernel has, from all together: for senders that do not stop. */
const LAST_READS = 256;

/** A connection that changes hands: nothing of it is read meanwhile. */
interface Left {
  readonly socket: Socket;
  readonly framer: Framer;
  /** Where it was accepted, and how. */
  readonly at: string;
  /** Ends the part of who had it. */
  release(): void;
}

type Accepted = (socket: Socket) => void;

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

interface Connection extends Omit<Left, 'release'> {
  /** Hands over what is complete; false when the sink was full before the end. */
  drain(): boolean;
  /** Hands over everything, complete or not, full or not. */
  finish(): void;
  /** Once a second. */
  tick(): void;
  leave(): Left;
}

export interface Streams {
  /**
   * Listens there, and takes up connections that were left of the same `name`; resolves with the descriptor when it does, rejects
   * when it cannot.
   */
  listen(name: string, address: Address, tls?: ListenOptions['tls']): Promise<number | undefined>;
  /** Reads a pipe, by a descriptor that is open for writing too; `daemon` when it is one daemon's. */
  read(fd: number, path: string, daemon: string | undefined): void;
  /** Nobody else takes up what was left: it is ended. */
  opened(): void;
  resume(): void;
  /** Once a second. */
  tick(): void;
  /** `again`: connections are left to who comes after us; else what every one holds is handed over, complete or not. */
  close(again: boolean): void;
}

export function receiveStreams(
  native: Native | undefined,
  { room, options, senders, take, full }: Desk,
): Streams {
  const servers: Server[] = [];
  const connections = new Set<Connection>();
  /** Peers that have not shown yet that they speak TLS. */
  const strangers = new Map<string, Socket>();
  const legacy = room.legacy as Left[];
  // These messages have no place in a ring: the name only makes them distinct.
  const source = crypto.getRandomValues(new Uint32Array(2));
  let position = 0;
  let lastReads = LAST_READS;

  // Node tells nobody the descriptor, but there is no other way to it.
  const fdOf = (of: Socket | Server): number | undefined =>
    (of as unknown as { _handle?: { fd?: number } })._handle?.fd;

  const senderOf = (socket: Socket): Sender => {
    if (socket.remoteAddress !== undefined) return senders.peer(socket.remoteAddress);
    const fd = fdOf(socket) ?? -1;
    const peer = fd >= 0 ? native?.peerOf(fd) : undefined;
    return peer ? senders.process(peer.pid, peer.uid, room.now()) : senders.peer('');
  };

  /** What has come and was not looked at. Of TLS it is what was deciphered. */
  function* leftIn(socket: Socket): Generator<Uint8Array> {
    for (let portion = socket.read(); portion !== null; portion = socket.read()) yield portion;
    const fd = socket instanceof TLSSocket ? -1 : (fdOf(socket) ?? -1);
    while (fd >= 0 && lastReads-- > 0) {
      const portion = new Uint8Array(READ_BYTES);
      const length = attempt(() => readSync(fd, portion)) ?? 0;
      if (length === 0) return;
      yield portion.subarray(0, length);
    }
  }

  /** `isPipe`: its writers come and go without a word. */
  const connect = (
    { socket, framer, at: whence }: Pick<Left, 'socket' | 'framer' | 'at'>,
    senderAt: (at: number) => Sender,
    isPipe = false,
  ) => {
    framer.max = options.max_message;
    let finished = false;
    let quiet = 0;
    const hand = (last: boolean, forced = last): boolean => {
      const at = room.now();
      const sender = senderAt(at);
      while (forced || !full()) {
        if (!framer.next(last)) return true;
        const { buf, start, end, truncated } = framer;
        take(buf, start, end, sender, at, truncated, source[0]!, source[1]!, position++);
      }
      return false;
    };
    const drain = () => hand(false);
    const read = (portion: Uint8Array) => {
      quiet = 0;
      framer.add(portion);
      if (!drain()) socket.pause();
    };
    const finish = () => {
      if (!finished) {
        finished = true;
        socket.off('data', read);
        hand(false, true);
        for (const portion of leftIn(socket)) {
          framer.add(portion);
          hand(false, true);
        }
        hand(true);
      }
      connections.delete(connection);
    };
    const tick = () => {
      if (isPipe && !full() && ++quiet === QUIET_TICKS) hand(true, false);
    };
    const failed = (error: Error) => room.log.debug(`cannot read syslog connection: ${causeOf(error)}`);
    const { idle_timeout: idle = 0 } = isPipe ? {} : options;
    // Who is paused is not silent.
    const timedOut = () => (socket.isPaused() ? socket.setTimeout(idle) : socket.destroy());
    const release = () => {
      socket.off('error', failed);
    };
    const leave = (): Left => {
      socket.pause();
      socket.setTimeout(0);
      socket.off('data', read).off('close', finish).off('timeout', timedOut);
      // Until it is taken up an error has to be heard.
      return { socket, framer, at: whence, release };
    };
    const connection: Connection = { socket, framer, at: whence, drain, finish, tick, leave };
    connections.add(connection);
    socket.on('data', read).on('close', finish).on('error', failed).on('timeout', timedOut);
    socket.setTimeout(idle);
    if (socket.destroyed) finish();
    else if (!drain() || full()) socket.pause();
    else socket.resume();
    return connection;
  };

  const accept = (left: Pick<Left, 'socket' | 'framer' | 'at'>) => {
    const first = senderOf(left.socket);
    return connect(left, at => (first.pid > 0 ? senders.process(first.pid, first.uid, at) : first));
  };

  /** What was left of that name. */
  const takeUp = (at: string): Left[] => {
    const found = legacy.filter(left => left.at === at);
    for (const left of found) {
      legacy.splice(legacy.indexOf(left), 1);
      left.release();
    }
    return found;
  };

  const fresh = (socket: Socket, at: string) => ({ socket, framer: new Framer(options.max_message), at });

  const secure = (tls: NonNullable<ListenOptions['tls']>, alive: object, accepted: Accepted): Server => {
    const certificate = openCertificate(tls, room.log.warn);
    const requestCert = tls.client_ca_file !== undefined;
    const handshakeTimeout = Math.min(options.idle_timeout ?? HANDSHAKE_MS, HANDSHAKE_MS);
    const server = createTlsServer(
      { ...alive, ...certificate.options, requestCert, handshakeTimeout },
      socket => {
        strangers.delete(peerOf(socket));
        accepted(socket);
      },
    );
    // Before the handshake of this very connection.
    server.prependListener('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      strangers.set(peer, socket);
      socket.on('close', () => strangers.delete(peer));
      const renewed = certificate.renewed();
      if (renewed) server.setSecureContext(renewed);
    });
    return server;
  };

  return {
    listen(name, address, tls) {
      const alive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
      // Whoever was accepted without a certificate does not stay when one is asked for.
      const at = `${name} ${JSON.stringify(tls)}`;
      const accepted = (socket: Socket) => void accept(fresh(socket, at));
      const server = tls ? secure(tls, alive, accepted) : createServer(alive, accepted);
      server.maxConnections = options.connections;
      server.on('drop', () =>
        room.log.warn('refused a syslog connection: too many', { limit: options.connections }),
      );
      server.on('tlsClientError', (error: Error, socket: Socket) => {
        // Node leaves one open whose handshake takes too long.
        socket.destroy();
        room.log.warn(`cannot accept TLS connection: ${causeOf(error)}`);
      });
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(address, () => {
          server.off('error', reject);
          server.on('error', error => room.log.error(`cannot accept syslog connections: ${causeOf(error)}`));
          servers.push(server);
          for (const left of takeUp(at)) {
            server.maxConnections--;
            left.socket.once('close', () => server.maxConnections++);
            accept(left);
          }
          resolve(fdOf(server));
        });
      });
    },
    read(fd, path, daemon) {
      const [left] = takeUp(path);
      if (left) native?.close(fd);
      const pipe = left ?? fresh(new Socket({ fd, readable: true, writable: false }), path);
      connect(pipe, () => senders.pipe(path, daemon), true);
    },
    opened() {
      for (const left of legacy.splice(0)) {
        left.release();
        accept(left).finish();
        left.socket.destroy();
      }
    },
    resume() {
      for (const { socket, drain } of connections) {
        if (!drain()) return;
        socket.resume();
      }
    },
    tick() {
      for (const connection of connections) connection.tick();
    },
    close(again) {
      for (const server of servers) server.close();
      for (const stranger of strangers.values()) stranger.destroy();
      for (const { socket, finish, leave } of connections) {
        if (again) legacy.push(leave());
        else {
          finish();
          socket.destroy();
        }
      }
      connections.clear();
    },
  };
}
