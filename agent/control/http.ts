// The one HTTP listener: opens early (alive, not ready), closes late, so that /metrics shows the drain.

import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';
import { createServer, type HttpRoutes } from './http-server.ts';

export type Listen = { readonly host?: string; readonly port: number } | { readonly path: string };

export interface HttpOptions extends HttpRoutes {
  readonly listen: Listen;
}

export interface Http {
  /** Listens; resolves with the URL (`http://127.0.0.1:10764` or `unix:/path`). Throws SetupError. */
  open(): Promise<string>;
  /** Answers what is under way, for at most a second, and does not wait for idle connections. */
  close(): Promise<void>;
}

const CLOSE_MS = 1000;

export function createHttp(options: HttpOptions): Http {
  const { listen } = options;
  const app = createServer(options);

  return {
    async open() {
      if ('path' in listen) await removeStale(listen.path);
      try {
        await app.listen(
          'path' in listen ? listen : { host: listen.host ?? anyAddress(), port: listen.port },
        );
      } catch (error) {
        throw new SetupError(`cannot listen on "${show(listen)}": ${causeOf(error)}${fix(error)}`, {
          cause: error,
        });
      }
      if ('path' in listen) return show(listen);
      const { port } = app.server.address() as AddressInfo;
      return `http://${show({ host: listen.host ?? 'localhost', port })}`;
    },
    async close() {
      const late = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
      await app.close();
      clearTimeout(late);
    },
  };
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

function fix(error: unknown): string {
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
