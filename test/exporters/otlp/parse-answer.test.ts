// Answers as receivers, proxies and what is none of both give them: whole, in pieces, and broken.
import { describe, expect, it } from 'vitest';
import { NotHttp, parseAnswer } from '../../../exporters/otlp/parse-answer.ts';

const PROTOBUF = 'application/x-protobuf';
const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
const read = (text: string) => {
  const answer = parseAnswer(text, PROTOBUF);
  return answer && { ...answer, body: Buffer.from(answer.body).toString('latin1') };
};
const FOR_EVER = Number.POSITIVE_INFINITY;

describe('a whole answer', () => {
  const cases: [name: string, text: string, expected: object][] = [
    [
      'without a body',
      'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
      { status: 200, body: '', contentType: '', keptMs: FOR_EVER },
    ],
    ['without a reason', 'HTTP/1.1 200\ncontent-length: 0\n\n', { status: 200, keptMs: FOR_EVER }],
    [
      'whose fields are written as one may',
      'HTTP/1.1 429 \nRETRY-AFTER:7  \ncontent-TYPE:\t text/plain; charset=utf-8\nLocation: /x:y\nContent-Length: 3\n\nno!',
      {
        status: 429,
        retryAfter: '7',
        contentType: 'text/plain; charset=utf-8',
        location: '/x:y',
        body: 'no!',
      },
    ],
    ['with an empty field', 'HTTP/1.1 200 OK\ncontent-type:\ncontent-length: 0\n\n', { contentType: '' }],
    [
      'of a type nobody told',
      'HTTP/1.1 200 OK\ncontent-length: 2\n\n\u00ff\u0000',
      { contentType: PROTOBUF, body: '\u00ff\u0000' },
    ],
    [
      'in chunks',
      'HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n3\nabc\n0A;x="y"\n0123456789\n0\n\n',
      { body: 'abc0123456789', keptMs: FOR_EVER },
    ],
    [
      'in chunks, with something behind them',
      'HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n1\na\n0\nGrpc: x\nDigest: y\n\n',
      { body: 'a', keptMs: FOR_EVER },
    ],
    ['that can have no body', 'HTTP/1.1 204 No Content\n\n', { status: 204, body: '', keptMs: FOR_EVER }],
    [
      'to be continued first',
      'HTTP/1.1 100 Continue\nx: y\n\nHTTP/1.1 202 Fine\ncontent-length: 0\n\n',
      { status: 202 },
    ],
    ['that is the last', 'HTTP/1.1 200 OK\nConnection: x, Close\ncontent-length: 0\n\n', { keptMs: 0 }],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\ncontent-length: 0\n\n', { keptMs: 0 }],
    [
      'of HTTP/1.0 that goes on',
      'HTTP/1.0 200 OK\nconnection: keep-alive\ncontent-length: 0\n\n',
      { keptMs: FOR_EVER },
    ],
    [
      'of a connection that is kept for a while',
      'HTTP/1.1 200 OK\nKeep-Alive: max=5, timeout=72\ncontent-length: 0\n\n',
      { keptMs: 72_000 },
    ],
    ['with more than was asked for', 'HTTP/1.1 200 OK\ncontent-length: 1\n\nab', { body: 'a', keptMs: 0 }],
  ];
  it.each(cases)('%s', (_, text, expected) => {
    expect(read(crlf(text))).toMatchObject({ ...expected, isWhole: true });
    expect(read(text)).toMatchObject({ ...expected, isWhole: true });
  });
  it.each(cases)('%s: is not whole before its end', (name, text) => {
    const bytes = crlf(text);
    const length = bytes.length - (name.includes('more than') ? 1 : 0);
    for (let cut = 0; cut < length; cut++) expect(read(bytes.slice(0, cut))?.isWhole ?? false).toBe(false);
  });
});

describe('an answer without an end', () => {
  it.each([
    ['until the connection ends', 'HTTP/1.1 200 OK\n\nab', 'ab'],
    ['in a coding nobody asked for', 'HTTP/1.1 200 OK\ntransfer-encoding: gzip\n\nab', 'ab'],
    ['in a chunk that is not all there', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nab', 'ab'],
    ['in chunks of no size', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\na\nzz\nb', 'a'],
    ['in a chunk longer than told', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n1\nab\n0\n\n', 'a'],
    ['with a last chunk and no more', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n0\nx: y\n', ''],
  ])('%s', (_, text, body) => {
    expect(read(crlf(text))).toMatchObject({ status: 200, body, isWhole: false, keptMs: 0 });
  });
});

describe('what is no answer', () => {
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['another protocol, begun', '220 m'],
    ['TLS', '\x15\x03\x01\x00\x02\x02F'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 OK\r\n\r\n'],
    ['a line without an end', `HTTP/1.1 200 ${'x'.repeat(20_000)}`],
    ['fields without an end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(4000)}`],
    ['another protocol from here on', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
  ])('%s', (_, text) => {
    expect(() => parseAnswer(text, PROTOBUF)).toThrow(NotHttp);
  });
});
