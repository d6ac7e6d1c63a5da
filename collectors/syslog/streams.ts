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

interface Connection {
  readonly socket: Socket;
  /** Hands over what is complete; false when the sink was full before the end. */
  drain(): boolean;
  /** Hands over everything, complete or not, full or not. */
  finish(): void;
  /** Once a second. */
  tick(): void;
}

export interface Streams {
  /** Listens there; resolves with the descriptor when it does, rejects when it cannot. */
  listen(address: Address, tls?: ListenOptions['tls']): Promise<number | undefined>;
  /** Reads a pipe, by a descriptor that is open for writing too; `daemon` when it is one daemon's. */
  read(fd: number, path: string, daemon: string | undefined): void;
  resume(): void;
  /** Once a second. */
  tick(): void;
  /** Hands over what every connection holds, complete or not. */
  close(): Promise<void>;
}

export function receiveStreams(
  native: Native | undefined,
  { room, options, senders, take, full }: Desk,
): Streams {
  const servers: Server[] = [];
  const connections = new Set<Connection>();
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
  const connect = (socket: Socket, senderAt: (at: number) => Sender, isPipe = false) => {
    const framer = new Framer(options.max_message);
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
    const connection: Connection = { socket, drain, finish, tick };
    connections.add(connection);
    socket.on('data', read);
    socket.on('close', finish);
    socket.on('error', error => room.log.debug(`cannot read syslog connection: ${causeOf(error)}`));
    if (full()) socket.pause();
  };

  const accept = (socket: Socket) => {
    const first = senderOf(socket);
    connect(socket, at => (first.pid > 0 ? senders.process(first.pid, first.uid, at) : first));
    const { idle_timeout: idle } = options;
    if (idle === undefined) return;
    socket.setTimeout(idle);
    // Who is paused is not silent.
    socket.on('timeout', () => (socket.isPaused() ? socket.setTimeout(idle) : socket.destroy()));
  };

  const secure = (tls: NonNullable<ListenOptions['tls']>, alive: object): Server => {
    const certificate = openCertificate(tls, room.log.warn);
    const requestCert = tls.client_ca_file !== undefined;
    const handshakeTimeout = Math.min(options.idle_timeout ?? HANDSHAKE_MS, HANDSHAKE_MS);
    const server = createTlsServer(
      { ...alive, ...certificate.options, requestCert, handshakeTimeout },
      accept,
    );
    // Before the handshake of this very connection.
    server.prependListener('connection', () => {
      const renewed = certificate.renewed();
      if (renewed) server.setSecureContext(renewed);
    });
    return server;
  };

  return {
    listen(address, tls) {
      const alive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
      const server = tls ? secure(tls, alive) : createServer(alive, accept);
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
          resolve(fdOf(server));
        });
      });
    },
    read(fd, path, daemon) {
      connect(new Socket({ fd, readable: true, writable: false }), () => senders.pipe(path, daemon), true);
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
    async close() {
      const done = servers.map(server => new Promise<void>(resolve => server.close(() => resolve())));
      for (const { socket, finish } of connections) {
        finish();
        socket.destroy();
      }
      await Promise.all(done);
    },
  };
}
