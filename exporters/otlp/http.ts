// OTLP/HTTP: one POST an exchange over kept connections, by hand: node:http takes 75 to 130 µs more of CPU for each
// (bench/post.ts), a twentieth of what its messages cost. What an answer means is decided in classify.ts.

import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { classifyHttp, type Verdict } from './classify.ts';
import type { TlsFiles } from './credentials.ts';
import { type ParsedAnswer, parseAnswer } from './parse-answer.ts';
import type { Settings } from './settings.ts';
import {
  contentTypeOf,
  type Exchange,
  fieldsOf,
  isBroken,
  MAX_RESPONSE_BYTES,
  type Transport,
} from './transport.ts';

/** Bytes read at once: answers are short. */
const READ_BYTES = 4096;
/** Who keeps a connection for so long may be about to close it a moment before. */
const MARGIN_MS = 1000;

/** A connection carries one exchange at a time. */
interface Line {
  readonly socket: Socket;
  /** Who asked; nobody while it is idle. */
  asker: { heard(text: string): void; ended(error: Error): void } | undefined;
  wasUsed: boolean;
  /** When it no longer serves, monotonic ms. */
  until: number;
}

export function createHttp(settings: Settings, tls: TlsFiles, now: () => number): Transport {
  const { url } = settings;
  const secure = url.protocol === 'https:';
  const contentType = contentTypeOf(settings);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const target = {
    host,
    port: Number(url.port) || (secure ? 443 : 80),
    noDelay: true,
    ...(secure && { ...tls, ALPNProtocols: ['http/1.1'], servername: isIP(host) ? '' : host }),
  };
  const user = [url.username, url.password].map(decodeURIComponent).join(':');
  const given = {
    host: url.host,
    ...(user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
  };
  const lines = new Set<Line>();
  const idle: Line[] = [];

  const open = (): Line => {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const onread = {
      buffer,
      callback(length: number) {
        // Nobody asked.
        if (line.asker) line.asker.heard(buffer.toString('latin1', 0, length));
        else line.socket.destroy();
        return true;
      },
    };
    const options = { ...target, onread };
    const line: Line = {
      socket: secure ? connectTls(options) : connect(options),
      asker: undefined,
      wasUsed: false,
      until: Number.POSITIVE_INFINITY,
    };
    const ended = (error: Error) => {
      lines.delete(line);
      line.socket.destroy();
      line.asker?.ended(error);
    };
    const hungUp = () => ended(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    line.socket.on('error', ended).on('end', hungUp).on('close', hungUp);
    lines.add(line);
    return line;
  };

  const take = (): Line => {
    for (let line = idle.pop(); line; line = idle.pop()) {
      if (!line.socket.destroyed && line.until > performance.now()) return line;
      line.socket.destroy();
    }
    return open();
  };

  const exchange = (question: Exchange): Promise<Verdict> =>
    new Promise<Verdict>((resolve, reject) => {
      const { body, signal } = question;
      signal.throwIfAborted();
      const line = take();
      const { socket } = line;
      let text = '';
      let answer: ParsedAnswer | undefined;
      let isWritten = false;
      let stalled: NodeJS.Timeout | undefined;

      const release = (keptMs: number) => {
        clearTimeout(stalled);
        signal.removeEventListener('abort', abort);
        line.asker = undefined;
        line.wasUsed = true;
        line.until = performance.now() + keptMs - MARGIN_MS;
        // An answer before the end of the question: the body is the caller's again, so nothing more of it is sent.
        if (isWritten && keptMs > 0 && !socket.destroyed) idle.push(line);
        else socket.destroy();
      };
      const finish = (found: ParsedAnswer, keptMs: number) => {
        release(keptMs);
        resolve(classifyHttp(found, now()));
      };
      // The status decides, even where the body is cut short, stalls or has no end.
      const fail = (error: unknown) => {
        if (answer) return finish(answer, 0);
        const isStale = line.wasUsed && text === '' && isBroken(error);
        release(0);
        // The receiver had closed a kept connection before it saw this request; that is no failure of its own.
        if (isStale && !signal.aborted) resolve(exchange(question));
        else reject(error);
      };
      const abort = () => fail(signal.reason);
      signal.addEventListener('abort', abort);

      line.asker = {
        heard(more) {
          text += more;
          try {
            answer = parseAnswer(text, contentType);
          } catch (error) {
            return fail(error);
          }
          if (!answer) return;
          if (answer.isWhole || text.length > MAX_RESPONSE_BYTES) finish(answer, answer.keptMs);
          else stalled ??= setTimeout(fail, settings.timeoutMs);
        },
        ended: fail,
      };

      const fields = Object.entries({ ...given, ...fieldsOf(settings, question) });
      const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.cork();
      socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${head}\r\n`, 'latin1');
      socket.write(body, error => {
        isWritten = !error;
      });
      socket.uncork();
    });

  return {
    exchange,
    async close() {
      for (const { socket } of lines) socket.destroy();
    },
  };
}
