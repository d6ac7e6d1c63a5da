// The routes of the HTTP listener. A handler that fails is an answer and a log line, never the end of the agent.

import type { Server as HttpsServer } from 'node:https';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { causeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { WebConfig, WebTls } from '../core/web.ts';
import { createGate } from './http-auth.ts';
import { pageHeaders } from './http-page.ts';
import { guardClients, tlsOptions } from './http-tls.ts';

export interface HttpRoutes {
  readonly log: Log;
  /** One scrape; takes the values of `Accept` and `Accept-Encoding`. */
  metrics(accept: string | undefined, acceptEncoding: string | undefined): Promise<HttpAnswer>;
  /** Reasons for not being ready; none when data flows. */
  health(): { readonly ready: readonly string[] };
  /** Resolves with the problems that kept the old configuration, or undefined when the new one runs. */
  reload(): Promise<readonly string[] | undefined>;
  /** What `POST path` does; undefined is "no such thing". Only where the one who asks is known: the control socket. */
  readonly commands?: Readonly<Record<string, (query: URLSearchParams) => unknown>>;
  /** JSON by path (`/api/daemons`); undefined is "no such thing". */
  readonly api: Readonly<Record<string, (query: URLSearchParams) => unknown>>;
  /** The console: one HTML file. */
  readonly page: Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** How a server is reached and by whom. */
export interface Access {
  /** Users and headers of this moment. */
  web(): WebConfig;
  readonly tls: WebTls | undefined;
  /** Whether a connection ends with its present answer. */
  leaving(): boolean;
}

/** Asked by an orchestrator, which has no password: they answer everybody, in one word. */
const PROBES = new Set(['/-/healthy', '/livez', '/healthz', '/-/ready', '/readyz']);

/** No route has a schema, so what compiles them is not loaded. */
const noCompiler = () => () => {
  throw new Error('BUG: a route has a schema');
};
const NO_SCHEMAS = { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } };
const MAX_BODY_BYTES = 1024;
/** Time to send a request, and of silence in the middle of an answer. */
const IDLE_MS = 30_000;
/** Prometheus gives 10 s when it says nothing. */
const SCRAPE_MS = 10_000;

/** Connections are handed to its `server`; it does not listen itself. Without `access` it is open to all. */
export function createServer(routes: HttpRoutes, access?: Access): FastifyInstance {
  const { log } = routes;
  const failed = (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply) => {
    const status = error.statusCode ?? 500;
    const message = `cannot answer ${request.method} "${pathOf(request)}": ${causeOf(error)}`;
    if (status >= 500) log.error(message);
    return text(reply, status, message);
  };
  const tls = access?.tls;
  const app = fastify({
    ...(tls ? { https: tlsOptions(tls) } : {}),
    requestTimeout: IDLE_MS,
    connectionTimeout: IDLE_MS,
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: 'idle',
    frameworkErrors: failed,
    schemaController: NO_SCHEMAS,
  }) as FastifyInstance;
  if (tls) guardClients(app.server as HttpsServer, tls);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  app.setErrorHandler(failed);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    done();
  });
  const strangers = new WeakSet<FastifyRequest>();
  if (access) addAccess(app, access, strangers);
  app.setNotFoundHandler((request, reply) => {
    const allowed = ['GET', 'HEAD', 'POST'].filter(method => app.hasRoute({ url: pathOf(request), method }));
    if (allowed.length === 0) return text(reply, 404, `there is no "${pathOf(request)}" here`);
    return text(reply.header('allow', allowed.join(', ')), 405, `${request.method} is not allowed here`);
  });

  addHealth(app, routes, strangers);
  addMetrics(app, routes);
  addReload(app, routes);
  const json =
    (answer: (query: URLSearchParams) => unknown) => async (request: FastifyRequest, reply: FastifyReply) => {
      const result = await answer(new URL(request.url, 'http://localhost').searchParams);
      reply.type('application/json; charset=utf-8').header('cache-control', 'no-store');
      if (result === undefined) return reply.code(404).send('{"error":"not found"}');
      return reply.send(JSON.stringify(result));
    };
  for (const [path, answer] of Object.entries(routes.api)) app.get(path, json(answer));
  for (const [path, act] of Object.entries(routes.commands ?? {})) app.post(path, json(act));
  const headers = pageHeaders(routes.page);
  app.get('/', (_request, reply) => reply.headers(headers).send(routes.page));
  return app;
}

/** Who asks without a right to know is one of `strangers`, and gets no further than the probes. */
function addAccess(app: FastifyInstance, access: Access, strangers: WeakSet<FastifyRequest>): void {
  const allows = createGate();
  app.addHook('onRequest', async (request, reply) => {
    const { users } = access.web();
    if (users.size === 0 || (await allows(users, request.headers.authorization))) return;
    strangers.add(request);
    if (PROBES.has(pathOf(request))) return;
    reply.header('www-authenticate', 'Basic realm="eudaemon", charset="UTF-8"');
    return text(reply, 401, 'a user and a password are needed here');
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.headers(access.web().headers);
    if (access.leaving()) reply.header('connection', 'close');
    done();
  });
}

function addHealth(app: FastifyInstance, { health }: HttpRoutes, strangers: WeakSet<FastifyRequest>): void {
  for (const path of ['/-/healthy', '/livez', '/healthz'])
    app.get(path, (_request, reply) => text(reply, 200, 'healthy'));
  for (const path of ['/-/ready', '/readyz'])
    app.get(path, (request, reply) => {
      const reasons = health().ready;
      if (reasons.length === 0) return text(reply, 200, 'ready');
      return text(reply, 503, strangers.has(request) ? 'not ready' : reasons.join('\n'));
    });
}

function addMetrics(app: FastifyInstance, { metrics }: HttpRoutes): void {
  app.get('/metrics', async (request, reply) => {
    const { accept, 'accept-encoding': encoding } = request.headers;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(
        resolve,
        scrapeMs(request.headers['x-prometheus-scrape-timeout-seconds']),
        undefined,
      );
    });
    try {
      const answer = await Promise.race([metrics(accept, String(encoding ?? '')), late]);
      if (answer === undefined)
        return text(reply, 503, 'cannot gather the metrics before the scrape times out');
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    } finally {
      clearTimeout(timer);
    }
  });
}

/** Nine tenths of what the scraper waits, so that it gets an answer rather than a timeout of its own. */
function scrapeMs(header: unknown): number {
  const seconds = Number(header);
  return (seconds > 0 ? Math.min(seconds * 1000, 600_000) : SCRAPE_MS) * 0.9;
}

function addReload(app: FastifyInstance, { reload }: HttpRoutes): void {
  app.post('/-/reload', async (request, reply) => {
    if (isForeign(request)) return text(reply, 403, 'a page of another origin may not reload the agent');
    const problems = await reload();
    return problems === undefined ? text(reply, 200, 'reloaded') : text(reply, 500, problems.join('\n'));
  });
}

/** A browser names the page behind a request; a state-changing one must come from our own. */
function isForeign({ headers }: FastifyRequest): boolean {
  const { origin, host } = headers;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0]!;

const text = (reply: FastifyReply, status: number, body: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(`${body}\n`);
