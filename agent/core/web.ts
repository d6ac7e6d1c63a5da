// How the HTTP listener is secured, as exporter-toolkit's web configuration file says it.

export type ClientAuth =
  | 'NoClientCert'
  | 'RequestClientCert'
  | 'RequireAnyClientCert'
  | 'VerifyClientCertIfGiven'
  | 'RequireAndVerifyClientCert';

/** Names as OpenSSL and Node have them. */
export interface WebTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  readonly clientAuth: ClientAuth;
  /** Of the client's subject alternative names one must be among these; any when empty. */
  readonly clientSans: readonly string[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Up to TLS 1.2; what OpenSSL has by default when empty. */
  readonly ciphers: readonly string[];
  readonly curves: readonly string[];
  readonly preferServerCiphers: boolean;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export interface WebConfig {
  /** Undefined: plain HTTP. */
  readonly tls: WebTls | undefined;
  /** bcrypt hashes by user; without users nobody is asked. */
  readonly users: ReadonlyMap<string, string>;
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The configuration in force; it may look at its files when asked. */
export interface WebSource {
  current(): WebConfig;
}
