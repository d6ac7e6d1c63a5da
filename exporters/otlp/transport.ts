// What the two transports, HTTP and gRPC, have in common.

import { codeOf } from '../../agent/core/errors.ts';
import { VERSION } from '../../agent/core/version.ts';
import type { Verdict } from './classify.ts';
import type { Settings } from './settings.ts';

/** Of a response no more than this is read. */
export const MAX_RESPONSE_BYTES = 256 * 1024;
export const USER_AGENT = `eudaemon/${VERSION}`;
/** Of a request over HTTP. */
export const contentTypeOf = ({ protocol }: Settings): string =>
  protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';

export interface Exchange {
  readonly body: Uint8Array;
  /** The body's content coding. */
  readonly encoding: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** After which `signal` breaks it off, for a receiver that can be told. */
  readonly deadlineMs: number;
  /** Breaks it off and gives up the connection, which may be dead. */
  readonly signal: AbortSignal;
}

export interface Transport {
  /** One exchange. Throws what the connection threw. */
  exchange(exchange: Exchange): Promise<Verdict>;
  close(): Promise<void>;
}

/** The fields of a request over HTTP, in lower case. */
export const fieldsOf = (
  settings: Settings,
  { body, encoding, headers }: Exchange,
): Record<string, string | number> => ({
  'user-agent': USER_AGENT,
  ...headers,
  'content-type': contentTypeOf(settings),
  'content-length': body.length,
  ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
});

/** Whether a connection ended as one does that the receiver had closed before. */
export const isBroken = (error: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '');
