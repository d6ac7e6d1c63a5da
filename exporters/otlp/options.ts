// The configuration of OTLP. Everything may be absent: the environment, then the defaults of the protocol, fill it.

import { headers, headersOf, httpUrl } from '../../agent/core/http-options.ts';
import {
  boolean,
  describe,
  duration,
  fallback,
  object,
  oneOf,
  optional,
  type Parsed,
  pattern,
  string,
} from '../../agent/core/options.ts';

export const options = object({
  endpoint: optional(
    describe(
      httpUrl('http://127.0.0.1:4318'),
      'Base URL of the receiver; /v1/logs and /v1/metrics are appended, for grpc its host and port are used. Default: http://localhost:4318 (grpc: 4317).',
    ),
  ),
  protocol: optional(describe(oneOf('http/protobuf', 'http/json', 'grpc'), 'Default: http/protobuf.')),
  headers: optional(headers()),
  headers_from: optional(
    describe(
      headersOf(object({ file: string(), scheme: optional(pattern('a word such as "Bearer"', /^[!-~]+$/)) })),
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
