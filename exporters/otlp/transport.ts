// What the two transports, HTTP and gRPC, have in common.

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
