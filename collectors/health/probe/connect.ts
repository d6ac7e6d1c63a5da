// Connections to a server: plain, TLS and through a socket file. The caller destroys what it was given.

import { once } from 'node:events';
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** Rejects with the system's error, or AbortError when the signal came first. */
export async function dial(target: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ ...target, signal });
  // A reset after the answer was read is nobody's concern, but without a listener it would end the process.
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Shakes hands without judging the certificate, so that the end of a bad one is told as well. */
export async function secure(socket: Socket, host: string, signal: AbortSignal): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    host,
    servername: isIP(host) ? '' : host,
    rejectUnauthorized: false,
  });
  secured.on('error', () => {});
  await once(secured, 'secureConnect', { signal });
  return secured;
}

/** Unix seconds when the peer's certificate ends. */
export function expiryOf(socket: TLSSocket): number | undefined {
  const end = Date.parse(socket.getPeerCertificate().valid_to);
  return Number.isNaN(end) ? undefined : end / 1000;
}

/** Splits `host:port` and `[v6]:port`; throws on anything else. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535)
    throw new Error(`"${address}" is not an address such as 127.0.0.1:80 or [::1]:80`);
  return { host: (match[1] ?? match[2])!, port };
}
