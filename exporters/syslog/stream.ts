// Syslog on a connection: Unix, TCP or TLS, framed as RFC 6587 and RFC 5425 have it. One connection, opened anew when it
// broke; a batch whose connection broke is sent again as a whole, for nobody knows what of it arrived.

import { readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { Line } from './index.ts';
import { DEFAULT_PATH, type SyslogOptions } from './options.ts';

/** Messages are handed to the socket in pieces of about this. */
const PIECE_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 30_000;

/** Of `host:port` or `[v6]:port`. */
export function hostAndPort(receiver: string): { host: string; port: number } {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(receiver)!;
  return { host: host!, port: Number(port) };
}

export function createStream(options: SyslogOptions): Line {
  const framed = options.framing === 'newline' ? byNewline : byCount;
  let socket: Socket | undefined;
  let broken: Error | undefined;

  const connected = async (signal: AbortSignal): Promise<Socket> => {
    if (socket) return socket;
    const opened = connect(options);
    opened.setTimeout(options.timeout, () => opened.destroy(timedOut('no connection')));
    const abort = () => opened.destroy();
    signal.addEventListener('abort', abort);
    try {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      opened.once(options.tls ? 'secureConnect' : 'connect', resolve);
      opened.once('error', reject);
      opened.once('close', () => reject(new Error('connection closed')));
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    opened.setTimeout(0).setKeepAlive(true, KEEP_ALIVE_MS).unref();
    broken = undefined;
    // Receivers have nothing to say; reading is how their end is noticed.
    opened.on('error', error => {
      if (socket === opened) broken = error;
    });
    opened.on('close', () => {
      if (socket !== opened) return;
      broken ??= Object.assign(new Error('the receiver closed the connection'), { code: 'ECONNRESET' });
      socket = undefined;
    });
    opened.resume();
    socket = opened;
    return opened;
  };

  /** Resolves when the kernel has all of it; a receiver that does not take it within the timeout is given up. */
  const write = (to: Socket, piece: Buffer, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const finish = (error?: Error | null) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stopped);
        to.off('close', closed);
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(() => finish(timedOut('the receiver takes nothing')), options.timeout);
      const stopped = () => finish(new Error('stopped'));
      const closed = () => finish(broken);
      signal.addEventListener('abort', stopped);
      to.once('close', closed);
      if (signal.aborted) stopped();
      else if (broken) closed();
      else to.write(piece, finish);
    });

  const close = () => {
    socket?.destroy();
    socket = undefined;
  };

  return {
    async send(work, signal) {
      try {
        const to = await connected(signal);
        while (work.sent < work.messages.length) {
          const frames: Uint8Array[] = [];
          let [bytes, next] = [0, work.sent];
          for (; next < work.messages.length && bytes < PIECE_BYTES; next++) {
            const frame = framed(work.messages[next]!);
            frames.push(frame);
            bytes += frame.length;
          }
          await write(to, Buffer.concat(frames), signal);
          work.sent = next;
        }
      } catch (error) {
        close();
        work.sent = 0;
        throw error;
      }
    },
    close() {
      // What the kernel has not taken is in the spool, and what it has must still be said goodbye to.
      socket?.end();
      socket = undefined;
    },
  };
}

function connect({ tcp, path, tls: secure, timeout }: SyslogOptions): Socket {
  if (tcp === undefined) return net.connect({ path: path ?? DEFAULT_PATH });
  const to = { ...hostAndPort(tcp), timeout };
  if (!secure) return net.connect(to);
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  return tls.connect({
    ...to,
    ca: read(secure.ca_file),
    cert: read(secure.cert_file),
    key: read(secure.key_file),
    rejectUnauthorized: !secure.insecure_skip_verify,
    servername: secure.server_name ?? (net.isIP(to.host) ? '' : to.host),
  });
}

const timedOut = (cause: string): Error => Object.assign(new Error(cause), { code: 'EAGAIN' });

const byCount = (message: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(`${message.length} `), message]);

const NEWLINE = 10;
const byNewline = (message: Uint8Array): Uint8Array => {
  const text = message.includes(NEWLINE)
    ? Buffer.from(Buffer.from(message).toString('latin1').replaceAll('\n', '#012'), 'latin1')
    : message;
  return Buffer.concat([text, Buffer.of(NEWLINE)]);
};
