// Reads a web configuration file of exporter-toolkit and the certificates it names: every problem at once, each with
// its place, and no secret in any of them.

import { isUtf8 } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigError, causeOf, type Problem } from '../core/errors.ts';
import type { Checker, Path } from '../core/options.ts';
import type { WebConfig, WebTls } from '../core/web.ts';
import { formats } from './patterns.ts';
import { dotted, locate, type Place, plain, readTree } from './tree.ts';
import { CURVES, SUITES, VERSIONS, type WebTlsOptions, web } from './web-shape.ts';

export interface LoadedWeb {
  readonly config: WebConfig;
  /** The file itself and those it names. */
  readonly files: readonly string[];
}

type Tell = Checker['problem'];

/** The one a configuration names; a relative path begins at the configuration's directory. Undefined for none. */
export function webFile(config: {
  readonly file: string | undefined;
  readonly exporters: Readonly<Record<string, unknown>>;
}): string | undefined {
  const options = config.exporters['prometheus'] as { web_config?: string } | false | undefined;
  if (!options || options.web_config === undefined) return undefined;
  return resolve(config.file === undefined ? '.' : dirname(config.file), options.web_config);
}

/** Paths in it are relative to its directory. Throws ConfigError, also when it cannot be read. */
export function loadWeb(file: string): LoadedWeb {
  const problems: Problem[] = [];
  const report = (at: Place, path: Path, message: string) => {
    problems.push({ ...at, path: dotted(path), message });
  };
  // No expansion: a bcrypt hash is full of dollars.
  const tree = readTree(read(file), file, text => text, report);
  const tell: Tell = (path, message, on) => {
    if (tree) report(locate(tree, path, on).at, path, message);
  };
  const given = tree && web.parse(plain(tree), [], { formats, problem: tell });
  const options = given?.tls_server_config;
  const files = [file];
  const tls = options && loadTls(options, { directory: dirname(file), files, tell });
  if (problems.length > 0 || !given) throw new ConfigError(problems);
  const { basic_auth_users: users, http_server_config: server } = given;
  return {
    config: { tls, users: new Map(Object.entries(users)), headers: server?.headers ?? {} },
    files,
  };
}

function read(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (!isUtf8(bytes)) throw new Error('it is not UTF-8');
    return bytes.toString();
  } catch (error) {
    throw new ConfigError(`cannot read "${path}": ${causeOf(error)}`, { cause: error });
  }
}

/** Undefined when the section asks for no TLS, or for one that cannot be. */
function loadTls(
  options: WebTlsOptions,
  { directory, files, tell }: { directory: string; files: string[]; tell: Tell },
): WebTls | undefined {
  const at = (key: keyof WebTlsOptions) => ['tls_server_config', key];
  let broken = false;
  const fault = (path: Path, message: string) => {
    broken = true;
    tell(path, message);
  };
  /** The text that stands here, or in the file that is named. */
  const pem = (inline: 'cert' | 'key' | 'client_ca'): string | undefined => {
    const named = `${inline}_file` as const;
    const path = options[named];
    if (path === undefined) return options[inline];
    if (options[inline] !== undefined) fault(at(named), `either ${inline} or ${named} may be given`);
    const found = resolve(directory, path);
    files.push(found);
    try {
      return read(found);
    } catch (error) {
      fault(at(named), (error as Error).message);
      return undefined;
    }
  };
  const [cert, key, ca] = [pem('cert'), pem('key'), pem('client_ca')];
  const { client_auth_type: clientAuth, client_allowed_sans: clientSans } = options;
  if (broken) return undefined;
  if (cert === undefined && key === undefined) {
    if (clientAuth !== 'NoClientCert' || ca !== undefined)
      fault(['tls_server_config'], 'the keys cert_file and key_file are missing');
    return undefined;
  }
  if (cert === undefined || key === undefined) {
    fault(['tls_server_config'], `the key "${cert === undefined ? 'cert_file' : 'key_file'}" is missing`);
    return undefined;
  }
  const verifies = clientAuth === 'RequireAndVerifyClientCert' || clientAuth === 'VerifyClientCertIfGiven';
  if (verifies && ca === undefined) fault(at('client_auth_type'), `${clientAuth} needs client_ca_file`);
  if (!verifies && ca !== undefined)
    fault(at('client_auth_type'), `client_ca_file goes with RequireAndVerifyClientCert, not ${clientAuth}`);
  if (clientSans.length > 0 && !verifies)
    fault(at('client_allowed_sans'), `it goes with RequireAndVerifyClientCert, not ${clientAuth}`);
  const [minVersion, maxVersion] = [VERSIONS[options.min_version]!, VERSIONS[options.max_version]!];
  if (minVersion > maxVersion)
    fault(at('min_version'), `${options.min_version} is above max_version ${options.max_version}`);
  const tls: WebTls = {
    cert,
    key,
    ca,
    clientAuth,
    clientSans,
    minVersion,
    maxVersion,
    ciphers: options.cipher_suites.flatMap(name => SUITES[name] ?? []),
    curves: options.curve_preferences.map(name => CURVES[name]!),
    preferServerCiphers: options.prefer_server_cipher_suites,
  };
  prove(tls, options, (name, message) => fault(at(name), message));
  return broken ? undefined : tls;
}

/** Whether OpenSSL takes it, asked part by part so that the culprit can be named. */
function prove(
  { cert, key, ca, ciphers, curves }: WebTls,
  options: WebTlsOptions,
  fault: (key: keyof WebTlsOptions, message: string) => void,
): void {
  const attempt = (name: keyof WebTlsOptions, what: string, work: () => unknown): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      fault(name, `${what}: ${causeOf(error)}`);
      return false;
    }
  };
  const certKey = options.cert_file === undefined ? 'cert' : 'cert_file';
  const keyKey = options.key_file === undefined ? 'key' : 'key_file';
  if (attempt(certKey, 'cannot read a certificate from it', () => new X509Certificate(cert)))
    attempt(keyKey, 'cannot use this key with the certificate', () => createSecureContext({ cert, key }));
  if (ca !== undefined)
    attempt(
      options.client_ca_file === undefined ? 'client_ca' : 'client_ca_file',
      'cannot read a certificate from it',
      () => new X509Certificate(ca),
    );
  if (ciphers.length > 0)
    attempt('cipher_suites', 'OpenSSL refuses them', () =>
      createSecureContext({ ciphers: ciphers.join(':') }),
    );
  if (curves.length > 0)
    attempt('curve_preferences', 'OpenSSL refuses them', () =>
      createSecureContext({ ecdhCurve: curves.join(':') }),
    );
}
