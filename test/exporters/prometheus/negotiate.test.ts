import { expect, test } from 'vitest';
import { formatOf, gzipWanted } from '../../../exporters/prometheus/negotiate.ts';

const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
const FIREFOX = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test.each([
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  [PROMETHEUS_2, 'openmetrics'],
  [PROMETHEUS_3, 'openmetrics'],
  [FIREFOX, 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['APPLICATION/OpenMetrics-Text; Version="1.0.0"', 'openmetrics'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=2.0.0', 'text'],
  [
    'application/openmetrics-text;version=2.0.0, application/openmetrics-text;version=1.0.0;q=0.2',
    'openmetrics',
  ],
  ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.6', 'openmetrics'],
  ['text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5', 'text'],
  ['text/plain, application/openmetrics-text', 'text'],
  ['application/openmetrics-text, text/plain', 'openmetrics'],
  ['application/openmetrics-text;q=0, */*;q=0.1', 'text'],
  ['application/openmetrics-text;q=0', 'text'],
  ['application/openmetrics-text ; q = 0.2 , text/* ; q=0.1', 'openmetrics'],
  ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily', 'text'],
  ['application/json', 'text'],
  ['application/openmetrics-text;q=7', 'openmetrics'],
  ['application/openmetrics-text;q=', 'openmetrics'],
  [',;,q=1;=,', 'text'],
])('Accept: %s gets %s', (accept, format) => {
  expect(formatOf(accept)).toBe(format);
});

test.each([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZIP', true],
  ['x-gzip', true],
  ['deflate, gzip;q=0.5', true],
  ['*', true],
  ['gzip;q=0', false],
  ['gzip;q=0, *', false],
  ['*;q=0', false],
  ['identity', false],
  ['identity;q=0.5, gzip', true],
  ['identity, gzip;q=0.5', false],
  ['identity;q=0', false],
  ['br, zstd', false],
  ['gzip;q=0.000', false],
  [';;;', false],
])('Accept-Encoding: %s packs: %s', (encoding, wanted) => {
  expect(gzipWanted(encoding)).toBe(wanted);
});
