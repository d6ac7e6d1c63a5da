// What a receiver's answer means for the data sent. Pure. Sources: OTLP specification 1.9, "Failures" and
// "Partial Success" of OTLP/gRPC and OTLP/HTTP; google/rpc/{status,error_details}.proto.

import { attempt } from '../../agent/core/errors.ts';
import { Wire } from '../../agent/core/protobuf.ts';
import { ProtoReader } from '../../agent/core/protobuf-reader.ts';

export type Verdict =
  /** Taken, but for `rejected` items. `message` is the receiver's own, often empty. */
  | { readonly outcome: 'accepted'; readonly rejected: number; readonly message: string }
  /** Refused for good: never to be sent again. */
  | {
      readonly outcome: 'refused';
      readonly reason: string;
      readonly message: string;
      /** A smaller request may be taken. */
      readonly tooLarge?: boolean;
    }
  | {
      readonly outcome: 'retry';
      readonly reason: string;
      readonly message: string;
      readonly afterMs: number | undefined;
    };

/** A receiver's wish to be left alone is heeded up to this. */
const LONGEST_WISH_MS = 5 * 60_000;
const MESSAGE_CHARACTERS = 200;
const RETRYABLE_HTTP = new Set([429, 502, 503, 504]);
/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. */
const RETRYABLE_GRPC = new Set([1, 4, 10, 11, 14, 15]);
/** Retryable only when the receiver names a delay. */
const RESOURCE_EXHAUSTED = 8;
/** How gRPC libraries say that a message is over their limit; they all do so with RESOURCE_EXHAUSTED. */
const OVER_LIMIT = /larger than max|exceeds maximum|max(imum)? message size/i;

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly location?: string | undefined;
  readonly body: Uint8Array;
}

/** `now` in Unix ms. */
export function classifyHttp(answer: HttpAnswer, now: number): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    const { rejected, message } = partialSuccess(answer);
    return { outcome: 'accepted', rejected, message };
  }
  const reason = `http_${status}`;
  if (answer.location !== undefined && status >= 300 && status < 400)
    return { outcome: 'refused', reason, message: redirected(status, answer.location) };
  const message = `HTTP ${status}${quoted(errorMessage(answer))}`;
  if (status === 413) return { outcome: 'refused', reason, message, tooLarge: true };
  if (!RETRYABLE_HTTP.has(status)) return { outcome: 'refused', reason, message };
  return { outcome: 'retry', reason, message, afterMs: retryAfterMs(answer.retryAfter, now) };
}

export interface GrpcAnswer {
  readonly status: number;
  readonly message: string;
  /** `grpc-status-details-bin`: a google.rpc.Status. */
  readonly details: Uint8Array;
  /** The response message. */
  readonly body: Uint8Array;
}

export function classifyGrpc(answer: GrpcAnswer): Verdict {
  // What is no status of gRPC is UNKNOWN.
  const status = answer.status >= 0 && answer.status <= 16 ? answer.status : 2;
  if (status === 0) {
    const { rejected, message } = partialSuccess({
      contentType: 'application/x-protobuf',
      body: answer.body,
    });
    return { outcome: 'accepted', rejected, message };
  }
  const message = `gRPC status ${answer.status}${quoted(answer.message)}`;
  const reason = `grpc_${status}`;
  const delay = attempt(() => retryDelayMs(answer.details));
  if (RETRYABLE_GRPC.has(status) || (status === RESOURCE_EXHAUSTED && delay !== undefined))
    return { outcome: 'retry', reason, message, afterMs: clamped(delay) };
  if (status === RESOURCE_EXHAUSTED && OVER_LIMIT.test(answer.message))
    return { outcome: 'refused', reason, message, tooLarge: true };
  return { outcome: 'refused', reason, message };
}

/** Retry-After of RFC 9110: seconds or an HTTP date; undefined when it is neither or already over. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return clamped(Number(text) * 1000);
  // The oldest of the three forms, of asctime(3), is in GMT without a word of it.
  const date = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}$/.test(text) ? `${text} GMT` : text;
  return /^[A-Z][a-z]{2,8},? .* GMT$/.test(date) ? clamped(Date.parse(date) - now) : undefined;
}

const clamped = (ms: number | undefined): number | undefined =>
  ms !== undefined && ms > 0 ? Math.min(ms, LONGEST_WISH_MS) : undefined;

/** The delay of a RetryInfo among the details; undefined when there is none. */
function retryDelayMs(status: Uint8Array): number | undefined {
  let ms: number | undefined;
  each(new ProtoReader(status), 3, detail => {
    let type = '';
    let value: ProtoReader | undefined;
    while (detail.next()) {
      if (detail.is(1, Wire.Bytes)) type = detail.string();
      else if (detail.is(2, Wire.Bytes)) value = detail.message();
      else detail.skip();
    }
    if (!value || !type.endsWith('/google.rpc.RetryInfo')) return;
    ms = 0;
    each(value, 1, duration => {
      while (duration.next()) {
        if (duration.is(1, Wire.Varint)) ms! += Number(duration.int64()) * 1000;
        else if (duration.is(2, Wire.Varint)) ms! += Number(duration.int64()) / 1e6;
        else duration.skip();
      }
    });
  });
  return ms;
}

/** Calls back for each nested message in one field. */
function each(reader: ProtoReader, field: number, found: (message: ProtoReader) => void): void {
  while (reader.next())
    if (reader.is(field, Wire.Bytes)) found(reader.message());
    else reader.skip();
}

/** Export*ServiceResponse: `partial_success` = 1 { rejected = 1, error_message = 2 }, for logs and metrics alike. */
function partialSuccess(answer: Pick<HttpAnswer, 'contentType' | 'body'>): {
  rejected: number;
  message: string;
} {
  const none = { rejected: 0, message: '' };
  if (answer.body.length === 0) return none;
  if (isJson(answer)) {
    const partial = field(json(answer.body), 'partialSuccess');
    const rejected = field(partial, 'rejectedLogRecords') ?? field(partial, 'rejectedDataPoints');
    return { rejected: count(Number(rejected)), message: cut(field(partial, 'errorMessage')) };
  }
  // Anything else, such as a proxy's page, says nothing about records.
  if (!answer.contentType.includes('protobuf')) return none;
  let rejected = 0;
  let message = '';
  attempt(() =>
    each(new ProtoReader(answer.body), 1, partial => {
      while (partial.next()) {
        if (partial.is(1, Wire.Varint)) rejected = Number(partial.int64());
        else if (partial.is(2, Wire.Bytes)) message = partial.string();
        else partial.skip();
      }
    }),
  );
  return { rejected: count(rejected), message: cut(message) };
}

/** The message of the google.rpc.Status in the body, else the beginning of a plain text. */
function errorMessage(answer: HttpAnswer): string {
  if (isJson(answer)) return cut(field(json(answer.body), 'message'));
  if (answer.contentType.startsWith('text/plain')) return cut(new TextDecoder().decode(answer.body));
  if (!answer.contentType.includes('protobuf')) return '';
  let message = '';
  attempt(() => {
    const reader = new ProtoReader(answer.body);
    while (reader.next())
      if (reader.is(2, Wire.Bytes)) message = reader.string();
      else reader.skip();
  });
  return cut(message);
}

/** Records and their secrets go where the operator said, and nowhere else. */
const redirected = (status: number, location: string): string =>
  `HTTP ${status}: redirected to "${cut(location)}", which is not followed; set exporters.otlp.endpoint to where the receiver is`;
const isJson = (answer: Pick<HttpAnswer, 'contentType'>): boolean => /[/+]json\b/i.test(answer.contentType);
const json = (body: Uint8Array): unknown => attempt(() => JSON.parse(new TextDecoder().decode(body)));
const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
const count = (n: number): number => (n > 0 ? Math.min(Math.trunc(n), Number.MAX_SAFE_INTEGER) : 0);
const quoted = (message: string): string => (message === '' ? '' : `: ${cut(message)}`);
const cut = (message: unknown): string =>
  typeof message === 'string' ? message.trim().slice(0, MESSAGE_CHARACTERS) : '';
