// The answer to an HTTP/1.1 request, from what has come of it. Pure. Source: RFC 9112.

import type { HttpAnswer } from './classify.ts';

/** More than this of fields is no answer. */
const MAX_HEAD = 16 * 1024;
const STATUS = /^HTTP\/1\.(\d) (\d{3})(?: [^\n]*)?\r?\n/;
/** What may still become a status line. */
const BEGINNING = /^(?:H(?:T(?:T(?:P(?:\/(?:1(?:\.|$)|$)|$)|$)|$)|$)|$)/;
const HEAD_END = /\r?\n\r?\n/;
const CHUNK = /([0-9a-f]{1,8})[ \t]*(?:;[^\n]*)?\r?\n/iy;
const TRAILERS = /(?:[^\r\n]+\r?\n)*\r?\n/y;
const LINE_END = /\r?\n/y;

/** The first field of a name. */
const field = (name: string): ((head: string) => string | undefined) => {
  const pattern = new RegExp(`\\n${name}:[ \\t]*([^\\r\\n]*?)[ \\t]*(?=\\r?\\n)`, 'i');
  return head => pattern.exec(head)?.[1];
};
const lengthOf = field('content-length');
const codingOf = field('transfer-encoding');
const connectionOf = field('connection');
const keptOf = field('keep-alive');
const typeOf = field('content-type');
const retryAfterOf = field('retry-after');
const locationOf = field('location');

export interface ParsedAnswer extends HttpAnswer {
  /** Whether all of it has come; never where only the end of the connection ends it. */
  readonly isWhole: boolean;
  /** How long the connection serves further requests, ms; 0 where it does not. */
  readonly keptMs: number;
}

/** Not HTTP/1. */
export class NotHttp extends Error {
  readonly code = 'HPE_INVALID';
}

/**
 * `text` is Latin-1, from the beginning. Undefined as long as its fields are not complete; throws NotHttp. `assumed` is
 * the type of a body without one.
 */
export function parseAnswer(text: string, assumed: string): ParsedAnswer | undefined {
  const line = STATUS.exec(text);
  if (!line && (text.includes('\n') || !BEGINNING.test(text.slice(0, 7)) || text.length > MAX_HEAD))
    throw new NotHttp('the answer is not HTTP');
  const end = line ? HEAD_END.exec(text) : null;
  if (!line || !end) {
    if (text.length > MAX_HEAD) throw new NotHttp('the answer has no end of its fields');
    return undefined;
  }
  const head = text.slice(0, end.index + end[0].length);
  const status = Number(line[2]);
  if (status === 101) throw new NotHttp('the receiver goes on in another protocol, which nobody asked for');
  // Tells only that the answer is to come.
  if (status < 200) return parseAnswer(text.slice(head.length), assumed);
  const { body, isWhole, surplus } = bodyOf(status, head, text.slice(head.length));
  const connection = connectionOf(head) ?? (line[1] === '0' ? 'close' : '');
  const serves = isWhole && !surplus && !/\bclose\b/i.test(connection);
  const kept = /\btimeout=(\d{1,6})/i.exec(keptOf(head) ?? '');
  return {
    status,
    contentType: typeOf(head) ?? (body.length > 0 ? assumed : ''),
    retryAfter: retryAfterOf(head),
    location: locationOf(head),
    body: Buffer.from(body, 'latin1'),
    isWhole,
    keptMs: serves ? (kept ? Number(kept[1]) * 1000 : Number.POSITIVE_INFINITY) : 0,
  };
}

interface Body {
  readonly body: string;
  readonly isWhole: boolean;
  /** Something stands behind it that nobody asked for. */
  readonly surplus: boolean;
}

function bodyOf(status: number, head: string, rest: string): Body {
  if (status === 204 || status === 304) return { body: '', isWhole: true, surplus: rest !== '' };
  const coding = codingOf(head);
  if (coding !== undefined)
    return /(^|[\s,])chunked$/i.test(coding)
      ? chunksOf(rest)
      : { body: rest, isWhole: false, surplus: false };
  const told = lengthOf(head);
  if (told === undefined) return { body: rest, isWhole: false, surplus: false };
  if (!/^\d{1,15}$/.test(told)) throw new NotHttp('the answer has no length that makes sense');
  const length = Number(told);
  return { body: rest.slice(0, length), isWhole: rest.length >= length, surplus: rest.length > length };
}

/** What has come of a chunked body; one that makes no sense ends where it ceases to. */
function chunksOf(text: string): Body {
  let body = '';
  let at = 0;
  const passes = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (let chunk = passes(CHUNK); chunk; chunk = passes(CHUNK)) {
    const size = Number.parseInt(chunk[1]!, 16);
    if (size === 0)
      return passes(TRAILERS)
        ? { body, isWhole: true, surplus: at < text.length }
        : { body, isWhole: false, surplus: false };
    body += text.slice(at, at + size);
    at += size;
    if (!passes(LINE_END)) break;
  }
  return { body, isWhole: false, surplus: false };
}
