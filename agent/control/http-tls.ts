// The TLS side of the listener: options for Node's server, and which clients may speak.

import { constants } from 'node:crypto';
import type { Server as SecureServer } from 'node:https';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { WebTls } from '../core/web.ts';

export const tlsOptions = (tls: WebTls): TlsOptions => ({
  cert: tls.cert,
  key: tls.key,
  ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  minVersion: tls.minVersion,
  maxVersion: tls.maxVersion,
  ...(tls.ciphers.length > 0
    ? {
        ciphers: [
          'TLS_AES_128_GCM_SHA256',
          'TLS_AES_256_GCM_SHA384',
          'TLS_CHACHA20_POLY1305_SHA256',
          ...tls.ciphers,
        ].join(':'),
      }
    : {}),
  ...(tls.curves.length > 0 ? { ecdhCurve: tls.curves.join(':') } : {}),
  honorCipherOrder: tls.preferServerCiphers,
  requestCert: tls.clientAuth !== 'NoClientCert',
  rejectUnauthorized: tls.clientAuth === 'RequireAndVerifyClientCert',
  // A resumed session would bring a client back without its certificate being looked at.
  ...(tls.clientAuth === 'NoClientCert' ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
});

/** Ends connections of clients that `tls` does not want, before a byte of their requests is read. */
export function guardClients(server: SecureServer, tls: WebTls): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (!isWelcome(socket, tls)) socket.destroy();
  });
}

function isWelcome(socket: TLSSocket, { clientAuth, clientSans }: WebTls): boolean {
  if (clientAuth === 'NoClientCert' || clientAuth === 'RequestClientCert') return true;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return clientAuth === 'VerifyClientCertIfGiven';
  if (clientAuth === 'RequireAnyClientCert') return true;
  if (!socket.authorized) return false;
  return (
    clientSans.length === 0 || namesOf(certificate.subjectAltName).some(name => clientSans.includes(name))
  );
}

/** `DNS:a, IP Address:1.2.3.4, URI:spiffe://x`, of which a quoted one holds what would mislead. */
export const namesOf = (text: string | undefined): string[] =>
  Array.from(
    (text ?? '').matchAll(/(?:^|, )(?:DNS|IP Address|email|URI):("(?:[^"\\]|\\.)*"|[^,"]*)/g),
    ([, name]) => (name!.startsWith('"') ? (JSON.parse(name!) as string) : name!),
  );
