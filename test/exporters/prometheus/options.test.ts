import { expect, test } from 'vitest';
import type { Checker } from '../../../agent/core/options.ts';
import { options, parseListen } from '../../../exporters/prometheus/options.ts';

test.each([
  ['127.0.0.1:10764', { host: '127.0.0.1', port: 10764 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['node-1.example.org:9100', { host: 'node-1.example.org', port: 9100 }],
  [':10764', { port: 10764 }],
  ['[::1]:10764', { host: '::1', port: 10764 }],
  ['[::]:65535', { host: '::', port: 65535 }],
  ['[::ffff:10.0.0.1]:1', { host: '::ffff:10.0.0.1', port: 1 }],
  ['unix:/run/eudaemon/http.sock', { path: '/run/eudaemon/http.sock' }],
  ['unix:relative.sock', undefined],
  ['unix:', undefined],
  ['127.0.0.1', undefined],
  ['10764', undefined],
  ['::1:10764', undefined],
  ['[::1]', undefined],
  ['host:65536', undefined],
  ['host:-1', undefined],
  ['host:80x', undefined],
  ['http://127.0.0.1:10764', undefined],
  ['two words:1', undefined],
  ['', undefined],
])('listen: %s', (text, address) => {
  expect(parseListen(text)).toEqual(address);
});

const read = (input: unknown) => {
  const problems: string[] = [];
  const checker: Checker = {
    problem: (path, message) => void problems.push(`${path.join('.')}: ${message}`),
    formats: { regex: () => undefined, glob: () => undefined },
  };
  return { parsed: options.parse(input, ['prometheus'], checker), problems };
};

test('the default is the loopback address', () => {
  expect(read(null)).toEqual({ parsed: { listen: { host: '127.0.0.1', port: 10764 } }, problems: [] });
});

test.each([10764, true, 'here', ['127.0.0.1:1']])('listen: %j is a problem that names the shape', listen => {
  expect(read({ listen }).problems).toEqual([
    `prometheus.listen: ${JSON.stringify(listen)} is not an address such as "127.0.0.1:10764", "[::1]:10764", ":10764" or "unix:/run/eudaemon/http.sock"`,
  ]);
});

test('an unknown key names the nearest', () => {
  expect(read({ listn: ':1' }).problems).toEqual([
    'prometheus.listn: unknown key "listn"; did you mean "listen"?',
  ]);
});
