// What to send where: the file first, then the OTEL_EXPORTER_OTLP_* variables, the signal's own before the general
// ones, then the defaults. Pure. Source: OpenTelemetry protocol exporter specification.

import { HEADER_NAME, HEADER_VALUE } from '../../agent/core/http-options.ts';
import type { Compression, OtlpOptions, Protocol } from './options.ts';

export type Signal = 'logs' | 'metrics';

export interface HeaderFile {
  readonly name: string;
  readonly path: string;
  /** Stands before the value, with a space behind it. */
  readonly scheme: string | undefined;
}

export interface Settings {
  readonly signal: Signal;
  readonly protocol: Protocol;
  /** Where requests go, path included. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly headerFiles: readonly HeaderFile[];
  readonly compression: Compression;
  readonly timeoutMs: number;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly verify: boolean;
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY in either case, where the receiver is not this host. */
  readonly proxy: Readonly<Record<string, string>>;
  /** Variables that were passed over because their value makes no sense. */
  readonly warnings: readonly string[];
}

const PROTOCOLS: readonly Protocol[] = ['http/protobuf', 'http/json', 'grpc'];
const COMPRESSIONS: readonly Compression[] = ['gzip', 'zstd', 'none'];
const SERVICES: Readonly<Record<Signal, string>> = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

export function resolve(
  options: OtlpOptions,
  env: Readonly<Record<string, string | undefined>>,
  signal: Signal,
): Settings {
  const warnings: string[] = [];

  /** The first variable of a name with a value that `read` accepts. */
  const variable = <T>(
    name: string,
    read: (text: string, own: boolean, key: string) => T | undefined,
  ): T | undefined => {
    for (const own of [true, false]) {
      const key = `OTEL_EXPORTER_OTLP_${own ? `${signal.toUpperCase()}_` : ''}${name}`;
      const text = env[key]?.trim();
      if (!text) continue;
      const value = read(text, own, key);
      if (value !== undefined) return value;
      warnings.push(`cannot use variable "${key}": its value makes no sense`);
    }
    return undefined;
  };
  const text = (name: string) => variable(name, value => value);

  const protocol =
    options.protocol ??
    variable('PROTOCOL', value => PROTOCOLS.find(each => each === value)) ??
    'http/protobuf';
  const path = protocol === 'grpc' ? SERVICES[signal] : `/v1/${signal}`;
  const below = (base: URL): URL => {
    const url = new URL(base);
    url.pathname = protocol === 'grpc' ? path : url.pathname.replace(SIGNAL_PATH, path);
    return url;
  };
  const insecure = variable('INSECURE', value => /^(true|false)$/i.exec(value)?.[0].toLowerCase()) === 'true';
  const fallback = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318';
  const url =
    options.endpoint !== undefined
      ? below(new URL(options.endpoint))
      : (variable('ENDPOINT', (value, own) => {
          const given = URL.parse(protocol === 'grpc' ? withScheme(value, insecure) : value);
          if (!given || !/^https?:$/.test(given.protocol)) return undefined;
          return own && protocol !== 'grpc' ? given : below(given);
        }) ?? below(new URL(fallback)));

  const headers = variable('HEADERS', (value, _, key) =>
    readHeaders(value, () =>
      warnings.push(`cannot use all of variable "${key}": not each of its pairs is a header`),
    ),
  );

  return {
    signal,
    protocol,
    url,
    headers: { ...headers, ...lowerCase(options.headers ?? {}) },
    headerFiles: Object.entries(options.headers_from ?? {}).map(([name, { file, scheme }]) => ({
      name: name.toLowerCase(),
      path: file,
      scheme,
    })),
    compression:
      options.compression ??
      variable('COMPRESSION', value => COMPRESSIONS.find(each => each === value)) ??
      'gzip',
    timeoutMs:
      options.timeout ??
      variable('TIMEOUT', value => (/^[1-9]\d{0,8}$/.test(value) ? Number(value) : undefined)) ??
      10_000,
    caFile: options.tls?.ca_file ?? text('CERTIFICATE'),
    certFile: options.tls?.cert_file ?? text('CLIENT_CERTIFICATE'),
    keyFile: options.tls?.key_file ?? text('CLIENT_KEY'),
    verify: options.tls?.insecure_skip_verify !== true,
    proxy: LOOPBACK.test(url.hostname) ? {} : proxyOf(env),
    warnings,
  };
}

/** Where a base ends, which some give with the path of one of the signals. */
const SIGNAL_PATH = /(\/v1\/(logs|metrics|traces))?\/*$/;

/** gRPC knows targets without a scheme; then `INSECURE` says whether there is TLS. */
const withScheme = (target: string, insecure: boolean): string =>
  /^[^/]+:\d+$/.test(target) ? `${insecure ? 'http' : 'https'}://${target}` : target;

/** Nobody means a proxy to carry what does not leave the host. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const proxyOf = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (pair): pair is [string, string] =>
        /^(https?|no)_proxy$/i.test(pair[0]) && pair[1] !== undefined && pair[1] !== '',
    ),
  );

/** Header names in lower case, so that no header is given twice. */
const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** `a=1,b=2` with percent-encoded values (W3C Baggage without properties); undefined when none of them is a header. */
function readHeaders(text: string, passedOver: () => void): Record<string, string> | undefined {
  const pairs = text.split(',').filter(pair => pair.trim() !== '');
  const headers = pairs.flatMap(pair => {
    const [, name, encoded] = /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    const value = encoded === undefined ? undefined : percentDecoded(encoded);
    const isHeader = name && value !== undefined && HEADER_NAME.test(name) && HEADER_VALUE.test(value);
    return isHeader ? [[name.toLowerCase(), value] as const] : [];
  });
  if (headers.length === 0 && pairs.length > 0) return undefined;
  if (headers.length < pairs.length) passedOver();
  return Object.fromEntries(headers);
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
