// Syslog in datagrams: to a Unix socket, where a full receiver is waited for, and by UDP, where nobody can wait.

import dgram from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError } from '../../agent/core/errors.ts';
import { loadNative } from '../../agent/native/index.ts';
import type { Line } from './index.ts';
import { hostAndPort } from './stream.ts';

const FULL_PAUSE_MS = 2;
/** Datagrams between two looks at the rest of the world. */
const TURN = 256;
const FULL = ['EAGAIN', 'ENOBUFS'];

export function createUnix(path: string, timeoutMs: number): Line {
  const native = loadNative(cause => {
    throw new SetupError(`cannot send to "${path}": ${cause}`);
  })!;
  const sender = native.senderTo(path);
  return {
    async send(work, signal) {
      let fullSince: number | undefined;
      while (work.sent < work.messages.length) {
        const code = sender.send(work.messages[work.sent]!);
        if (code === undefined) {
          work.sent++;
          fullSince = undefined;
          if (work.sent % TURN !== 0) continue;
          await pause(0);
        } else if (!FULL.includes(code)) throw failure(code);
        else {
          fullSince ??= performance.now();
          if (performance.now() - fullSince > timeoutMs) throw failure(code, 'the receiver takes nothing');
          await pause(FULL_PAUSE_MS);
        }
        signal.throwIfAborted();
      }
    },
    close: sender.close,
  };
}

const failure = (code: string, cause = code): Error => Object.assign(new Error(cause), { code });

export function createUdp(receiver: string): Line {
  const { host, port } = hostAndPort(receiver);
  let socket: dgram.Socket | undefined;
  /** What the receiver's host answered to an earlier datagram. */
  let refused: Error | undefined;
  /** Another address of the host has its turn after each. */
  let failures = 0;

  const connected = async (): Promise<dgram.Socket> => {
    if (socket) return socket;
    refused = undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { lookup } = await import('node:dns/promises');
    const addresses = await lookup(host, { all: true, order: 'ipv4first' });
    const { address, family } = addresses[failures % addresses.length]!;
    const opened = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
    opened.on('error', error => {
      refused = error;
      reject(error);
    });
    opened.connect(port, address, resolve);
    await promise;
    opened.unref();
    socket = opened;
    return opened;
  };
  const close = () => {
    socket?.close();
    socket = undefined;
  };

  return {
    async send(work, signal) {
      try {
        const to = await connected();
        while (work.sent < work.messages.length) {
          signal.throwIfAborted();
          await new Promise<void>((resolve, reject) =>
            to.send(work.messages[work.sent]!, error => (error ? reject(error) : resolve())),
          );
          work.sent++;
          if (refused) throw refused;
        }
      } catch (error) {
        failures++;
        close();
        throw error;
      }
    },
    close,
  };
}
