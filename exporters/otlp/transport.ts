// What the two transports, HTTP and gRPC, have in common.

import { readFileSync } from 'node:fs';
import { causeOf, SetupError } from '../../agent/core/errors.ts';
import { VERSION } from '../../agent/core/version.ts';
import type { Verdict } from './classify.ts';
import type { Settings } from './settings.ts';

/** Of a response no more than this is read. */
export const MAX_RESPONSE_BYTES = 256 * 1024;
export const USER_AGENT = `eudaemon/${VERSION}`;

export interface Transport {
  /**
   * One exchange; `encoding` is the body's content coding. Throws what the connection threw; `signal` breaks it off
   * and gives up the connection, which may be dead.
   */
  exchange(body: Uint8Array, encoding: string | undefined, signal: AbortSignal): Promise<Verdict>;
  close(): Promise<void>;
}

export interface TlsFiles {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly rejectUnauthorized: boolean;
}

/** Throws SetupError for a file that cannot be read. */
export function readTls(settings: Settings): TlsFiles {
  const read = (what: string, path: string | undefined): Buffer | undefined => {
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw new SetupError(`cannot read ${what} "${path}": ${causeOf(error)}`, { cause: error });
    }
  };
  return {
    ca: read('CA certificate', settings.caFile),
    cert: read('client certificate', settings.certFile),
    key: read('client key', settings.keyFile),
    rejectUnauthorized: settings.verify,
  };
}
