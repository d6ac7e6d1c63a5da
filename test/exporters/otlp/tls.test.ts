// TLS both ways: who we trust, who we say we are. One self-signed certificate serves as everything; valid to 2126.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpOptions } from '../../../exporters/otlp/options.ts';
import { createSender } from '../../../exporters/otlp/send.ts';
import { resolve } from '../../../exporters/otlp/settings.ts';

const CERT = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUJnA1qt10FkwGwQwgDuez1lxtxx0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDAwMTAzNloYDzIxMjYxMDMx
MDAxMDM2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARUMkhf+7V2H+0EmY1mU23R4w+89zz4U+1wGQYfwtPUMxlitBhqRXOv
HGMuH2GmVqdq1ej61Ytb0bNbCsbAg7sYo28wbTAdBgNVHQ4EFgQUGLQ+OoWMmA9Z
4RKh1Psmr23MXaUwHwYDVR0jBBgwFoAUGLQ+OoWMmA9Z4RKh1Psmr23MXaUwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAJl4oXUZlHAG8uSFcd3i2fcWGC/WNGJtqtBW6/jlB8WoAiBY
qeJVg8xEbhdzkLKn7ypwENRGqvvMQ4knkknhPFcY7g==
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3ODuoJYOerIj/DDU
IDUlCMn8JcQz32lfaqjYa8pMBFOhRANCAARUMkhf+7V2H+0EmY1mU23R4w+89zz4
U+1wGQYfwtPUMxlitBhqRXOvHGMuH2GmVqdq1ej61Ytb0bNbCsbAg7sY
-----END PRIVATE KEY-----
`;
const tls = { cert: CERT, key: KEY, ca: CERT, requestCert: true, rejectUnauthorized: true };

let folder: string;
let ca_file: string;
let key_file: string;
const servers: Server[] = [];
const ports = { 'http/protobuf': 0, grpc: 0 };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'eudaemon-tls-'));
  ca_file = join(folder, 'cert.pem');
  key_file = join(folder, 'key.pem');
  writeFileSync(ca_file, CERT);
  writeFileSync(key_file, KEY);
  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
    return (server.address() as AddressInfo).port;
  };
  ports['http/protobuf'] = await listen(
    https.createServer(tls, (request, response) => request.resume().on('end', () => response.end())),
  );
  const grpc = http2.createSecureServer(tls);
  grpc.on('stream', (stream: http2.ServerHttp2Stream) =>
    stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true }),
  );
  ports.grpc = await listen(grpc);
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

describe.each(['http/protobuf', 'grpc'] as const)('%s', protocol => {
  const attempt = async (options: OtlpOptions['tls']): Promise<string> => {
    const settings: OtlpOptions = {
      logs: true,
      metrics: true,
      interval: 1000,
      protocol,
      endpoint: `https://localhost:${ports[protocol]}`,
      timeout: 5000,
      tls: options,
    };
    const sender = createSender(resolve(settings, {}, 'logs'), Date.now);
    const outcome = await sender.send(Uint8Array.of(), new AbortController().signal).then(
      verdict => verdict.outcome,
      error => error.reason,
    );
    await sender.close();
    return outcome;
  };

  it('trusts the given authority and shows its certificate', async () => {
    expect(await attempt({ ca_file, cert_file: ca_file, key_file, insecure_skip_verify: false })).toBe(
      'accepted',
    );
  });
  it('does not trust a stranger', async () => {
    expect(await attempt({ cert_file: ca_file, key_file, insecure_skip_verify: false })).toBe('tls');
  });
  it('trusts anyone when told to', async () => {
    expect(await attempt({ cert_file: ca_file, key_file, insecure_skip_verify: true })).toBe('accepted');
  });
  it('is turned away without a certificate', async () => {
    expect(await attempt({ ca_file, insecure_skip_verify: false })).toMatch(/^(tls|reset|connection)$/);
  });
});
