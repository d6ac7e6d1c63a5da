// Where settings come from: the file, the signal's variables, the general ones, the defaults.
import { describe, expect, it } from 'vitest';
import { type OtlpOptions, options as schema } from '../../../exporters/otlp/options.ts';
import { resolve, type Settings, type Signal } from '../../../exporters/otlp/settings.ts';

function parse(input: unknown): { value: OtlpOptions | undefined; problems: string[] } {
  const problems: string[] = [];
  const checker = {
    problem: (path: readonly (string | number)[], message: string) => {
      problems.push(`${path.join('.')}: ${message}`);
    },
    formats: { regex: () => undefined, glob: () => undefined },
  };
  return { value: schema.parse(input, [], checker), problems };
}
const settings = (input: object, env: Record<string, string> = {}, signal: Signal = 'logs'): Settings =>
  resolve(parse(input).value!, env, signal);
const PREFIX = 'OTEL_EXPORTER_OTLP_';

describe('options', () => {
  it('may be empty', () => {
    expect(parse({})).toEqual({ value: { logs: true, metrics: true, interval: 15_000 }, problems: [] });
    expect(parse(null).problems).toEqual([]);
  });

  const broken: [input: object, problem: string][] = [
    [{ endpoint: 'localhost:4318' }, 'endpoint: "localhost:4318" is not a URL'],
    [{ endpoint: 'http://[::bad' }, 'endpoint: "http://[::bad" is not a URL'],
    [{ endpoint: 'ftp://x' }, 'endpoint: "ftp://x" is not a URL'],
    [{ endpoint: 7 }, 'endpoint: 7 is not a URL'],
    [{ protocol: 'http/proto' }, 'did you mean "http/protobuf"?'],
    [{ headers: { 'a b': 'x' } }, '"a b" is not a header name'],
    [{ headers: { a: 'x\ny' } }, 'headers.a: '],
    [{ headers_from: { 'a b': { file: 'x' } } }, '"a b" is not a header name'],
    [{ headers_from: { a: {} } }, 'headers_from.a: the key "file" is missing'],
    [{ headers_from: { a: { file: 'x', scheme: 'a b' } } }, 'headers_from.a.scheme: '],
    [{ compression: 'gz' }, 'compression: "gz" is not one of gzip, zstd, none'],
    [{ timeout: '0s' }, 'timeout: '],
    [{ interval: '10ms' }, 'interval: '],
    [{ tls: { ca: 'x' } }, 'tls.ca: unknown key "ca"'],
  ];
  it.each(broken)('refuse %j', (input, problem) => {
    expect(parse(input).problems).toEqual([expect.stringContaining(problem)]);
  });
});

describe('where to', () => {
  const cases: [input: object, env: Record<string, string>, signal: Signal, url: string][] = [
    [{}, {}, 'logs', 'http://localhost:4318/v1/logs'],
    [{}, {}, 'metrics', 'http://localhost:4318/v1/metrics'],
    [{ endpoint: 'http://h:1' }, { ENDPOINT: 'http://e:2' }, 'logs', 'http://h:1/v1/logs'],
    [{ endpoint: 'https://h/a/b//?k=v' }, {}, 'logs', 'https://h/a/b/v1/logs?k=v'],
    [{ endpoint: 'http://h:1/a/v1/logs' }, {}, 'logs', 'http://h:1/a/v1/logs'],
    [{ endpoint: 'http://h:1/v1/logs/' }, {}, 'metrics', 'http://h:1/v1/metrics'],
    [{}, { ENDPOINT: 'http://e:2/base/' }, 'metrics', 'http://e:2/base/v1/metrics'],
    [{}, { LOGS_ENDPOINT: 'http://l:3/own' }, 'logs', 'http://l:3/own'],
    [{}, { LOGS_ENDPOINT: 'http://l:3' }, 'logs', 'http://l:3/'],
    [{}, { LOGS_ENDPOINT: 'http://l:3/own', ENDPOINT: 'http://e:2' }, 'metrics', 'http://e:2/v1/metrics'],
    [{}, { LOGS_ENDPOINT: 'nonsense', ENDPOINT: 'http://e:2' }, 'logs', 'http://e:2/v1/logs'],
    [{}, { ENDPOINT: 'localhost:4317' }, 'logs', 'http://localhost:4318/v1/logs'],
    [{}, { ENDPOINT: '  ' }, 'logs', 'http://localhost:4318/v1/logs'],
    [
      { protocol: 'grpc' },
      {},
      'logs',
      'http://localhost:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    ],
    [
      { protocol: 'grpc' },
      { METRICS_ENDPOINT: 'https://m:9/ignored' },
      'metrics',
      'https://m:9/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    ],
    [
      { protocol: 'grpc' },
      { ENDPOINT: 'gateway:4317' },
      'logs',
      'https://gateway:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    ],
    [
      { protocol: 'grpc' },
      { ENDPOINT: 'gateway:4317', INSECURE: 'True' },
      'logs',
      'http://gateway:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    ],
    [
      { protocol: 'grpc' },
      { ENDPOINT: 'https://gateway:4317', INSECURE: 'true' },
      'logs',
      'https://gateway:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    ],
  ];
  it.each(cases)('%j with %j for %s is %s', (input, env, signal, url) => {
    const prefixed = Object.fromEntries(Object.entries(env).map(([name, value]) => [PREFIX + name, value]));
    expect(settings(input, prefixed, signal).url.href).toBe(url);
  });
});

describe('the environment', () => {
  const full = {
    [`${PREFIX}PROTOCOL`]: 'http/json',
    [`${PREFIX}HEADERS`]: 'Authorization=Bearer%20abc, x-tenant = a=b ,',
    [`${PREFIX}TIMEOUT`]: '2500',
    [`${PREFIX}COMPRESSION`]: 'none',
    [`${PREFIX}CERTIFICATE`]: '/ca',
    [`${PREFIX}CLIENT_CERTIFICATE`]: '/cert',
    [`${PREFIX}CLIENT_KEY`]: '/key',
  };

  it('fills what the file leaves open', () => {
    expect(settings({}, full)).toMatchObject({
      protocol: 'http/json',
      headers: { authorization: 'Bearer abc', 'x-tenant': 'a=b' },
      timeoutMs: 2500,
      compression: 'none',
      caFile: '/ca',
      certFile: '/cert',
      keyFile: '/key',
      verify: true,
      warnings: [],
    });
  });

  it('gives way to the file', () => {
    const input = {
      protocol: 'grpc',
      headers: { AUTHORIZATION: 'mine' },
      timeout: '1s',
      compression: 'zstd',
      tls: { ca_file: '/mine', insecure_skip_verify: true },
    };
    expect(settings(input, full)).toMatchObject({
      protocol: 'grpc',
      headers: { authorization: 'mine', 'x-tenant': 'a=b' },
      timeoutMs: 1000,
      compression: 'zstd',
      caFile: '/mine',
      certFile: '/cert',
      verify: false,
    });
  });

  it("prefers the signal's own variables", () => {
    const env = {
      ...full,
      [`${PREFIX}LOGS_HEADERS`]: 'x=1',
      [`${PREFIX}LOGS_TIMEOUT`]: '7',
      [`${PREFIX}METRICS_TIMEOUT`]: '8',
      [`${PREFIX}LOGS_COMPRESSION`]: 'zstd',
    };
    expect(settings({}, env)).toMatchObject({ headers: { x: '1' }, timeoutMs: 7, compression: 'zstd' });
    expect(settings({}, env, 'metrics')).toMatchObject({ timeoutMs: 8, compression: 'none' });
  });

  it('takes the headers among its pairs, and says that there are others', () => {
    const { headers, warnings } = settings(
      {},
      { [`${PREFIX}HEADERS`]: 'no-value,a=%zz,api-key=x%3Dy,a b=c' },
    );
    expect(headers).toEqual({ 'api-key': 'x=y' });
    expect(warnings).toEqual([
      `cannot use all of variable "${PREFIX}HEADERS": not each of its pairs is a header`,
    ]);
  });

  it.each([
    ['PROTOCOL', 'carrier-pigeon'],
    ['TIMEOUT', '10s'],
    ['TIMEOUT', '0'],
    ['TIMEOUT', '-5'],
    ['COMPRESSION', 'snappy'],
    ['HEADERS', 'no-value'],
    ['HEADERS', 'a=%zz'],
    ['HEADERS', 'a=%0d%0ab'],
    ['HEADERS', 'a b=c'],
    ['ENDPOINT', 'file:///etc'],
    ['INSECURE', 'perhaps'],
  ])('passes over %s=%s, and says so', (name, value) => {
    const { warnings, ...found } = settings({}, { [PREFIX + name]: value });
    const { warnings: none, ...defaults } = settings({});
    expect(found).toEqual(defaults);
    expect(none).toEqual([]);
    expect(warnings).toEqual([`cannot use variable "${PREFIX}${name}": its value makes no sense`]);
  });
});
