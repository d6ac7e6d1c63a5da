// The configuration of OTLP. Everything may be absent: the environment, then the defaults of the protocol, fill it.

import {
  boolean,
  describe,
  duration,
  fallback,
  map,
  object,
  oneOf,
  optional,
  type Parsed,
  pattern,
  type Schema,
  string,
} from '../../agent/core/options.ts';

/** A field name of RFC 9110, and a value without control characters. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const url: Schema<string> = {
  json: { type: 'string', pattern: '^https?://' },
  parse(input, path, checker) {
    if (typeof input === 'string' && /^https?:\/\//.test(input) && URL.canParse(input)) return input;
    checker.problem(path, `${JSON.stringify(input)} is not a URL such as "http://127.0.0.1:4318"`);
    return undefined;
  },
};

export const options = object({
  endpoint: optional(
    describe(
      url,
      'Base URL of the receiver; /v1/logs and /v1/metrics are appended, for grpc its host and port are used. Default: http://localhost:4318 (grpc: 4317).',
    ),
  ),
  protocol: optional(describe(oneOf('http/protobuf', 'http/json', 'grpc'), 'Default: http/protobuf.')),
  headers: optional(
    map(pattern('a header value', HEADER_VALUE), { what: 'a header name', pattern: HEADER_NAME }),
  ),
  headers_from: optional(
    describe(
      map(object({ file: string(), scheme: optional(pattern('a word such as "Bearer"', /^[!-~]+$/)) }), {
        what: 'a header name',
        pattern: HEADER_NAME,
      }),
      'Headers whose value stands in a file, behind `scheme` when that is given; read again when the file changes.',
    ),
  ),
  tls: optional(
    object({
      ca_file: optional(string()),
      cert_file: optional(string()),
      key_file: optional(string()),
      insecure_skip_verify: fallback(boolean(), false),
    }),
  ),
  compression: optional(describe(oneOf('gzip', 'zstd', 'none'), 'Default: gzip.')),
  timeout: optional(
    describe(
      duration(1),
      'Of one whole exchange; twice as long after each that had no answer, up to a minute. Default: 10s.',
    ),
  ),
  logs: fallback(boolean(), true),
  metrics: fallback(boolean(), true),
  interval: describe(fallback(duration(1000), 15_000), 'Between two pushes of metrics. Default: 15s.'),
});

export type OtlpOptions = Parsed<typeof options>;
export type Protocol = NonNullable<OtlpOptions['protocol']>;
export type Compression = NonNullable<OtlpOptions['compression']>;
