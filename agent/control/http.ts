// The one HTTP listener: opens early (alive, not ready), closes late, so that /metrics shows the drain. Its address and
// its TLS may change while it runs.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { causeOf, codeOf } from '../core/errors.ts';
import type { WebSource, WebTls } from '../core/web.ts';
import { createServer, type HttpRoutes } from './http-server.ts';
import { type Listen, type Listener, openListener } from './listener.ts';
import { OPEN } from './web.ts';

export type { Listen } from './listener.ts';

export interface HttpOptions extends HttpRoutes {
  readonly listen: Listen;
  /** Absent: neither TLS nor users. */
  readonly web?: WebSource;
}

export interface Http {
  /** Listens; resolves with the URL (`http://127.0.0.1:10764` or `unix:/path`). Throws SetupError. */
  open(): Promise<string>;
  /** Moves to what is asked for; who is connected is answered first. When that fails, all is as before. */
  change(listen: Listen, web: WebSource | undefined): Promise<string>;
  /** Answers what is under way, for at most a second, and does not wait for idle connections. */
  close(): Promise<void>;
}

/** What serves, with one TLS configuration or none. */
interface Face {
  readonly tls: WebTls | undefined;
  readonly app: FastifyInstance;
  retired: boolean;
}

const CLOSE_MS = 1000;

export function createHttp(options: HttpOptions): Http {
  let { listen, web = OPEN } = options;
  const faces = new Set<Face>();
  let face: Promise<Face> | undefined;
  let ready: Face | undefined;
  let listener: Listener | undefined;

  const build = async (tls: WebTls | undefined): Promise<Face> => {
    const next: Face = {
      tls,
      app: createServer(options, { web: () => web.current(), tls, leaving: () => next.retired }),
      retired: false,
    };
    await next.app.ready();
    // Its connections come from the listener, and it is to watch over them as if it were listening itself.
    next.app.server.emit('listening');
    // The one before answers what it was asked; by now the one before that has.
    for (const old of faces) {
      if (old.retired) {
        faces.delete(old);
        void old.app.close();
        continue;
      }
      old.retired = true;
      (old.app.server as Server).closeIdleConnections();
    }
    faces.add(next);
    ready = next;
    return next;
  };

  /** The face for what the web configuration says now. */
  const facing = (): Face | Promise<Face> => {
    const { tls } = web.current();
    if (ready && ready.tls === tls) return ready;
    // One after another; what could not be built stands in nobody's way.
    const before = Promise.resolve(face).catch(() => {});
    face = before.then(() => (ready?.tls === tls && ready ? ready : build(tls)));
    return face;
  };

  const serve = (socket: Socket) => {
    const hand = ({ app }: Face) => void app.server.emit('connection', socket);
    const now = facing();
    if (now instanceof Promise)
      now.then(hand, error => {
        options.log.error(`cannot serve: ${causeOf(error)}`);
        socket.destroy();
      });
    else hand(now);
  };

  const url = () => {
    const address = listener!.address;
    return address.startsWith('unix:') ? address : `${ready?.tls ? 'https' : 'http'}://${address}`;
  };

  /** An address that differs in its host alone cannot be had before the old one is given up. */
  const move = async (to: Listen) => {
    const old = listener!;
    try {
      listener = await openListener(to, serve);
      void old.close();
    } catch (error) {
      const cause = (error as Error).cause;
      const overlaps = 'port' in to && 'port' in listen && to.port === listen.port && to.port !== 0;
      if (codeOf(cause) !== 'EADDRINUSE' || !overlaps) throw error;
      void old.close();
      listener = await openListener(to, serve).catch(async refused => {
        listener = await openListener(listen, serve);
        throw refused;
      });
    }
    listen = to;
  };

  return {
    async open() {
      await facing();
      listener = await openListener(listen, serve);
      return url();
    },
    async change(to, source = OPEN) {
      const before = web;
      web = source;
      try {
        await facing();
        if (JSON.stringify(to) !== JSON.stringify(listen)) await move(to);
      } catch (error) {
        web = before;
        throw error;
      }
      return url();
    },
    async close() {
      const closed = listener?.close(CLOSE_MS);
      // They do not listen themselves: this ends their idle connections, and waits for none of the others.
      await Promise.all([...faces].map(({ app }) => app.close()));
      faces.clear();
      await closed;
    },
  };
}
