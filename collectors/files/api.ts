// A small client of the Kubernetes API server: GET with the account's token and the cluster's certificate authority, which
// are read anew each time, because they are exchanged under us.

import { readFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';

/** A longer answer, or a longer event of a watch, is an error. */
const MAX_BYTES = 16 * 2 ** 20;
/** The server ends a watch before that; silence for so long is a dead connection. */
const SILENCE_MS = 330_000;
const NEWLINE = 10;

/** The server answered with something other than 200. */
export class StatusError extends Error {
  override name = 'StatusError';
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

export interface Api {
  /** The JSON of an answer. Throws StatusError and the system's errors. */
  read(path: string): Promise<unknown>;
  /** Hands over each line of an endless answer; resolves when the server ends it. Throws as `read()`, and what `line` throws. */
  watch(path: string, line: (json: unknown) => void): Promise<void>;
  /** Ends what is under way, which then fails. */
  close(): void;
}

/** `account` is the directory with `token` and `ca.crt`. */
export function createApi(url: string, account: string): Api {
  let current: ClientRequest | undefined;

  /** Only metadata is asked for: a pod is ten times as large. */
  const accept = (kind: string) => `application/json;as=${kind};v=v1;g=meta.k8s.io,application/json`;

  function request(path: string, kind: string, data: (portion: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        current?.destroy();
        reject(error);
      };
      current = get(
        new URL(path, url),
        {
          ca: readFileSync(join(account, 'ca.crt')),
          agent: false,
          headers: {
            authorization: `Bearer ${readFileSync(join(account, 'token'), 'utf8').trim()}`,
            accept: accept(kind),
            'user-agent': 'eudaemon',
          },
        },
        response => {
          if (response.statusCode !== 200) return fail(new StatusError(response.statusCode ?? 0));
          response.on('data', (portion: Buffer) => {
            try {
              data(portion);
            } catch (error) {
              fail(error);
            }
          });
          response.on('error', fail);
          response.on('end', resolve);
        },
      );
      current.on('error', fail);
      current.setTimeout(SILENCE_MS, () => fail(new Error('it is silent')));
    });
  }

  return {
    async read(path) {
      const parts: Buffer[] = [];
      let size = 0;
      await request(path, 'PartialObjectMetadataList', portion => {
        size += portion.length;
        if (size > MAX_BYTES) throw new Error(`its answer is larger than ${MAX_BYTES} bytes`);
        parts.push(portion);
      });
      return JSON.parse(Buffer.concat(parts).toString('utf8'));
    },
    async watch(path, line) {
      let rest: Buffer = Buffer.alloc(0);
      await request(path, 'PartialObjectMetadata', portion => {
        rest = rest.length === 0 ? portion : Buffer.concat([rest, portion]);
        let at = 0;
        for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, at)) {
          if (end > at) line(JSON.parse(rest.toString('utf8', at, end)));
          at = end + 1;
        }
        rest = rest.subarray(at);
        if (rest.length > MAX_BYTES) throw new Error(`an event is larger than ${MAX_BYTES} bytes`);
      });
    },
    close: () => void current?.destroy(),
  };
}
