// The web configuration file: what exporter-toolkit takes is taken, and everything wrong is told with its place.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadWeb } from '../../../agent/config/web.ts';
import { ConfigError } from '../../../agent/core/errors.ts';
import { CERTIFICATE, KEY } from '../../collectors/health/certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'web-'));
afterAll(() => rmSync(folder, { recursive: true }));
const HASH = '$2y$10$KyuDYvm5pUFMR9R4eJVvmu3aWkXvYaVvEEQpHRX4PNRDQ6jmmVvyK';
const OTHER_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ0foByYnyhhcXxup
ZQ3IgLQ7yFINE2+Bc07iRQVY/HWhRANCAAQJqzrjw/9PJbJTKGbVVLwTCRb/+MfE
GIEu3AVR9PDZ3MYtQ9JvCEaiRMxDP3A5stKGR4+H5Aa6XdJzOyJLEyrt
-----END PRIVATE KEY-----`;
mkdirSync(join(folder, 'pki'));
writeFileSync(join(folder, 'pki/a.pem'), CERTIFICATE);
writeFileSync(join(folder, 'pki/a.key'), KEY);
writeFileSync(join(folder, 'pki/other.key'), OTHER_KEY);

function load(text: string) {
  const file = join(folder, 'web-config.yml');
  writeFileSync(file, text);
  return loadWeb(file);
}
const problems = (text: string): string => {
  try {
    load(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.replaceAll(`${folder}/`, '');
  }
  throw new Error('it was taken');
};
const TLS = 'tls_server_config:\n  cert_file: pki/a.pem\n  key_file: pki/a.key\n';

describe('what is taken', () => {
  it('nothing at all is plain HTTP for everybody', () => {
    expect(load('').config).toEqual({ tls: undefined, users: new Map(), headers: {} });
  });

  it('certificates, versions, suites and curves in the words of OpenSSL', () => {
    const { config, files } = load(
      `${TLS}  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ${folder}/pki/a.pem
  client_allowed_sans: [prometheus]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP256, X25519]
`,
    );
    expect(config.tls).toEqual({
      cert: CERTIFICATE,
      key: KEY,
      ca: CERTIFICATE,
      clientAuth: 'RequireAndVerifyClientCert',
      clientSans: ['prometheus'],
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: ['ECDHE-RSA-AES128-GCM-SHA256'],
      curves: ['P-256', 'X25519'],
      preferServerCiphers: true,
    });
    expect(files.map(path => path.replace(`${folder}/`, ''))).toEqual([
      'web-config.yml',
      'pki/a.pem',
      'pki/a.key',
      'pki/a.pem',
    ]);
  });

  it('users and headers; nothing in them is an expansion', () => {
    const { config } = load(
      `basic_auth_users: { prom: ${HASH} }\nhttp_server_config: { http2: false, headers: { X-Frame-Options: "$DENY$$" } }\n`,
    );
    expect(config.users).toEqual(new Map([['prom', HASH]]));
    expect(config.headers).toEqual({ 'X-Frame-Options': '$DENY$$' });
  });
});

describe('what is not', () => {
  const secret = 'hunter2';
  it.each([
    ['no YAML', 'a: [', /^web-config\.yml:1:\d+: /],
    ['an unknown key', 'tls_config: {}', /^web-config\.yml:1:1: tls_config: unknown key .*tls_server_config/],
    [
      'a file that is not there',
      'tls_server_config:\n  cert_file: x.pem\n  key_file: pki/a.key',
      /^web-config\.yml:2:14: tls_server_config\.cert_file: cannot read "x\.pem": no such file/,
    ],
    [
      'a key instead of a certificate',
      'tls_server_config:\n  cert_file: pki/a.key\n  key_file: pki/a.key',
      /:2:14: .*cannot read a certificate/,
    ],
    [
      'a key of another certificate',
      'tls_server_config:\n  cert_file: pki/a.pem\n  key_file: pki/other.key',
      /:3:13: tls_server_config\.key_file: cannot use this key with the certificate/,
    ],
    [
      'a certificate without its key',
      'tls_server_config:\n  cert_file: pki/a.pem',
      /:1:1: tls_server_config: the key "key_file" is missing/,
    ],
    ['both ways to give a key', `${TLS}  key: x`, /:3:13: .*either key or key_file/],
    [
      'clients to verify by nobody',
      `${TLS}  client_auth_type: RequireAndVerifyClientCert`,
      /:4:21: .*needs client_ca_file/,
    ],
    [
      'an authority for nothing',
      `${TLS}  client_ca_file: pki/a.pem`,
      /client_ca_file goes with RequireAndVerifyClientCert/,
    ],
    ['names for nothing', `${TLS}  client_allowed_sans: [a]`, /client_allowed_sans: it goes with/],
    [
      'a slip in a type',
      `${TLS}  client_auth_type: RequireAndVerifyClientCerts`,
      /:4:21: .*did you mean "RequireAndVerifyClientCert"/,
    ],
    [
      'versions the wrong way round',
      `${TLS}  min_version: TLS13\n  max_version: TLS12`,
      /:4:16: .*TLS13 is above max_version TLS12/,
    ],
    ['a suite nobody knows', `${TLS}  cipher_suites: [TLS_NULL]`, /:4:19: .*cipher_suites\[0\]/],
    ['a curve nobody knows', `${TLS}  curve_preferences: [P256]`, /curve_preferences\[0\]/],
    [
      'a password instead of a hash',
      `basic_auth_users:\n  prom: ${secret}`,
      /:2:9: basic_auth_users\.prom: this is not a bcrypt hash; .*htpasswd/,
    ],
    ['a user with a colon', `basic_auth_users:\n  "a:b": ${HASH}`, /:2:3: .*"a:b" is not a user/],
    ['a header of two lines', 'http_server_config:\n  headers: { X-A: "a\\nb" }', /:2:\d+: .*one line/],
    [
      'a header without a name',
      'http_server_config:\n  headers: { "X A": a }',
      /"X A" is not the name of a header/,
    ],
  ] as const)('%s', (_, text, message) => {
    expect(problems(text)).toMatch(message);
    expect(problems(text)).not.toContain(secret);
  });

  it('all at once', () => {
    expect(
      problems('a: 1\nbasic_auth_users: { x: y }\ntls_server_config: { min_version: SSL3 }').split('\n'),
    ).toHaveLength(3);
  });

  it('a file that is not there is told by its name', () => {
    expect(() => loadWeb(join(folder, 'none.yml'))).toThrow(ConfigError);
    expect(() => loadWeb(join(folder, 'none.yml'))).toThrow(/cannot read ".*none\.yml": no such file/);
  });
});
