// Log records to a syslog receiver as RFC 5424 messages. Syslog has no acknowledgement: a message is delivered when the
// kernel has taken it, and what a receiver that dies has in its buffers is lost. What was under way on a connection that
// breaks is sent again, a batch at most.

import { decodeInOrder } from '../../agent/core/decode.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import {
  type ExporterRoom,
  type LogExporter,
  RetryLater,
  type SealedBatch,
} from '../../agent/core/exporter.ts';
import { createUdp, createUnix } from './datagrams.ts';
import { encodeMessage, type Form, isRelayed } from './encode.ts';
import { DEFAULT_PATH, FACILITIES, type SyslogOptions } from './options.ts';
import { createStream } from './stream.ts';

export interface Work {
  readonly messages: readonly Uint8Array[];
  /** How many of them the kernel has. */
  sent: number;
}

/** The way to the receiver; connects when there is something to send. Never two calls at once. */
export interface Line {
  /** Sends what is left; rejects with the system's error. */
  send(work: Work, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Prepared extends Work {
  /** Records that this host has forwarded before. */
  readonly looped: number;
}

/** Throws SetupError where Unix datagrams cannot be sent. */
export async function logs(options: SyslogOptions, room: ExporterRoom): Promise<LogExporter> {
  const host = new Map(room.host);
  const hostname = host.get('host.name') ?? '-';
  const form: Form = {
    facility: FACILITIES.indexOf(options.facility),
    sdId: options.sd_id,
    maxBytes: Math.min(options.max_message, datagramBytes(options)),
    hostname,
    mark: host.get('host.id') ?? hostname,
    host: room.host,
  };
  const line = open(options);
  const target = options.tcp ?? options.udp ?? options.path ?? DEFAULT_PATH;
  const begun = new WeakMap<SealedBatch, Prepared>();

  const prepare = (batch: SealedBatch): Prepared => {
    const messages: Uint8Array[] = [];
    let looped = 0;
    for (const record of decodeInOrder(batch.bytes)) {
      const { attributes } = record;
      // Received from ourselves: by the kernel's word, or by the mark a relay has brought back.
      const own = attributes['syslog.facility'] !== undefined && attributes['process.pid'] === process.pid;
      if (own || isRelayed(record, form)) looped++;
      else messages.push(...encodeMessage(record, form));
    }
    return { messages, sent: 0, looped };
  };

  return {
    concurrency: 1,
    async deliver(batch, signal) {
      let work = begun.get(batch);
      try {
        work ??= prepare(batch);
      } catch (error) {
        const message = causeOf(error);
        room.log.error(`cannot forward a batch of ${batch.records} records: ${message}`);
        const refused = [{ ...batch, reason: 'undecodable', message }];
        return { rejected: batch.records, reason: 'undecodable', refused };
      }
      begun.set(batch, work);
      try {
        await line.send(work, signal);
      } catch (error) {
        throw new RetryLater(
          reasonOf(error),
          `cannot send to "${target}": ${causeOf(error)}`,
          undefined,
          error,
        );
      }
      if (work.looped === 0) return { rejected: 0 };
      room.log.warn(`"${target}" sends back what it is sent: that is not forwarded again`);
      return { rejected: work.looped, reason: 'loop' };
    },
    async close() {
      line.close();
    },
  };
}

/** What a datagram holds: by UDP over IPv4; to a Unix socket a little less than its sender's buffer. */
function datagramBytes({ udp, tcp, type }: SyslogOptions): number {
  if (udp !== undefined) return 65_507;
  return tcp !== undefined || type === 'stream' ? Number.POSITIVE_INFINITY : 200 * 1024;
}

function open(options: SyslogOptions): Line {
  if (options.tcp !== undefined) return createStream(options);
  if (options.udp !== undefined) return createUdp(options.udp);
  return options.type === 'stream'
    ? createStream(options)
    : createUnix(options.path ?? DEFAULT_PATH, options.timeout);
}

function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? '';
  if (['ECONNREFUSED', 'ENOENT'].includes(code)) return 'refused';
  if (['ECONNRESET', 'EPIPE'].includes(code)) return 'reset';
  if (['EAGAIN', 'ETIMEDOUT'].includes(code)) return 'timeout';
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(code)) return 'dns';
  return /CERT|TLS|SSL|_SIGNATURE|EPROTO/.test(code) ? 'tls' : 'connection';
}
