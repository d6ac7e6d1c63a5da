// A socket that hands each connection to whoever serves at that moment, so that what serves may change under it.

import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';

/** A TCP address, every address of the host when `host` is undefined, or the path of a Unix socket. */
export type Listen = { readonly host?: string; readonly port: number } | { readonly path: string };

export interface Listener {
  /** `127.0.0.1:10764`, or `unix:/path`. */
  readonly address: string;
  /** Accepts no more; resolves when the last connection has ended, which `graceMs` later is made to. */
  close(graceMs?: number): Promise<void>;
}

/** One more ends the oldest that has said nothing, else the oldest: connections left idle shut nobody out. */
const MAX_CONNECTIONS = 256;

/** Throws SetupError. */
export async function openListener(listen: Listen, serve: (socket: Socket) => void): Promise<Listener> {
  if ('path' in listen) await removeStale(listen.path);
  /** In the order they came. */
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    if (connections.size >= MAX_CONNECTIONS) {
      const oldest =
        connections.values().find(each => each.bytesRead === 0) ?? connections.values().next().value;
      connections.delete(oldest!);
      oldest!.destroy();
    }
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    serve(socket);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        'path' in listen ? listen : { host: listen.host ?? anyAddress(), port: listen.port },
        () => resolve(),
      );
    });
  } catch (error) {
    throw new SetupError(`cannot listen on "${show(listen)}": ${causeOf(error)}${fix(error, listen)}`, {
      cause: error,
    });
  }
  const address =
    'path' in listen
      ? show(listen)
      : show({ host: listen.host ?? 'localhost', port: (server.address() as AddressInfo).port });
  const close = async (graceMs?: number) => {
    const late =
      graceMs === undefined
        ? undefined
        : setTimeout(() => {
            for (const socket of connections) socket.destroy();
          }, graceMs);
    await new Promise(closed => server.close(closed));
    clearTimeout(late);
  };
  return { address, close };
}

function show(listen: Listen): string {
  if ('path' in listen) return `unix:${listen.path}`;
  const { host = '', port } = listen;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `::` takes IPv4 too, but a kernel without IPv6 does not have it. */
const anyAddress = (): string =>
  Object.values(networkInterfaces()).some(all => all?.some(({ family }) => family === 'IPv6'))
    ? '::'
    : '0.0.0.0';

/** Longest path a socket may have (unix(7)). */
const MAX_PATH = 107;

function fix(error: unknown, listen: Listen): string {
  if ('path' in listen) {
    if (Buffer.byteLength(listen.path) > MAX_PATH)
      return `; the path of a socket has at most ${MAX_PATH} bytes: set agent.run_dir, or the address, to a shorter one`;
    if (codeOf(error) === 'EADDRINUSE')
      return '; stop the agent that listens there, or give this one an agent.run_dir of its own';
  }
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return '; stop the program that listens there (ss -ltnp) or set exporters.prometheus.listen to another address';
    case 'EACCES':
      return '; set exporters.prometheus.listen to a port above 1023 or a path the agent may write';
    case 'EADDRNOTAVAIL':
      return '; set exporters.prometheus.listen to an address of this host';
    default:
      return '';
  }
}

/** Removes the socket of a dead process; one that still answers stays, and listening fails. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const refused = await new Promise<boolean>(resolve => {
    const socket = connect(path);
    socket
      .once('connect', () => resolve(false))
      .once('error', error => resolve(codeOf(error) === 'ECONNREFUSED'));
    socket.once('connect', () => socket.destroy());
  });
  if (refused) unlinkSync(path);
}
