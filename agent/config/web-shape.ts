// The shape of exporter-toolkit's web configuration file, and its names in OpenSSL's words. Pure.

import {
  boolean,
  describe,
  fallback,
  list,
  map,
  object,
  oneOf,
  optional,
  type Parsed,
  type Schema,
  string,
} from '../core/options.ts';
import type { TlsVersion } from '../core/web.ts';
import { also } from './shapes.ts';

export const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
};

export const CURVES: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
};

/** Go's names of the suites up to TLS 1.2; those of 1.3 cannot be chosen, there as here. */
export const SUITES: Readonly<Record<string, string>> = {
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

const SUITES_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

const among = (names: readonly string[]): Schema<string> => oneOf(...names);

/** Text of one line: a header may hold no more. */
const headerValue = (): Schema<string> =>
  also(string(), text => /[^\t\x20-\x7e\x80-\xff]/.test(text) && 'a header holds one line of plain text');

const hash: Schema<string> = {
  json: { type: 'string', pattern: '^\\$2[aby]\\$\\d\\d\\$.{53}$' },
  parse(input, path, checker) {
    if (typeof input === 'string' && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/.test(input))
      return input;
    // It may be a password, which is nobody's to print.
    checker.problem(path, 'this is not a bcrypt hash; make one with `htpasswd -nBC 10 "" | tr -d ":\\n"`');
    return undefined;
  },
};

const tls = object({
  cert_file: optional(string()),
  key_file: optional(string()),
  cert: optional(string()),
  key: optional(string()),
  client_auth_type: fallback(
    oneOf(
      'NoClientCert',
      'RequestClientCert',
      'RequireAnyClientCert',
      'VerifyClientCertIfGiven',
      'RequireAndVerifyClientCert',
    ),
    'NoClientCert',
  ),
  client_ca_file: optional(string()),
  client_ca: optional(string()),
  client_allowed_sans: fallback(list(string()), []),
  min_version: fallback(among(Object.keys(VERSIONS)), 'TLS12'),
  max_version: fallback(among(Object.keys(VERSIONS)), 'TLS13'),
  cipher_suites: fallback(list(among([...Object.keys(SUITES), ...SUITES_13])), []),
  curve_preferences: fallback(list(among(Object.keys(CURVES))), []),
  prefer_server_cipher_suites: fallback(boolean(), true),
});

export const web = object({
  tls_server_config: optional(tls),
  http_server_config: optional(
    object({
      http2: fallback(describe(boolean(), 'Taken, without effect: HTTP/1.1 is what is spoken.'), true),
      headers: fallback(
        map(headerValue(), { what: 'the name of a header', pattern: /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/ }),
        {},
      ),
    }),
  ),
  basic_auth_users: fallback(
    map(hash, { what: 'a user: it holds a colon, or nothing', pattern: /^[^:\0]+$/ }),
    {},
  ),
});

export type Web = Parsed<typeof web>;
export type WebTlsOptions = NonNullable<Web['tls_server_config']>;
