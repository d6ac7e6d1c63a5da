import { describe, expect, it } from 'vitest';
import { parseOptions } from './collect.ts';

describe('options', () => {
  it('have defaults', () => {
    expect(parseOptions({})).toEqual({
      listen: [],
      max_message: 65536,
      ring: 16 * 2 ** 20,
      connections: 1000,
    });
    expect(parseOptions(null)).toEqual(parseOptions({}));
    expect(parseOptions({ listen: { path: '/dev/log' } }).listen).toEqual([
      { path: '/dev/log', type: 'dgram', mode: 0o666 },
    ]);
  });

  it.each([
    { listen: [{ udp: '127.0.0.1:5514' }, { tcp: '[::]:514' }, { udp: ':514' }, { tcp: 'localhost:65535' }] },
    { listen: { tcp: '0.0.0.0:6514', tls: { cert_file: '/a', key_file: '/b' } } },
    { rate_limit: '1000/s' },
    { rate_limit: { rate: '600/m', burst: 5000 } },
    { listen: [{ activation: 'syslog.socket' }], ring: '1MiB', idle_timeout: '10m' },
  ])('%j are fine', input => {
    expect(() => parseOptions(input)).not.toThrow();
  });

  it.each([
    [{ listen: [{}] }, 'exactly one of path, fifo, udp, tcp, activation'],
    [{ listen: [{ path: '/a', tcp: 'b:1' }] }, 'exactly one of'],
    [{ listen: [{ path: '/a', type: 'seqpacket' }] }, 'not one of dgram, stream'],
    [{ listen: [{ udp: '514' }] }, 'not an address'],
    [{ listen: [{ tcp: ':65536' }] }, 'not an address'],
    [{ listen: [{ tcp: ':99999' }] }, 'not an address'],
    [{ listen: [{ path: 'syslog.sock' }] }, 'not an absolute path'],
    [{ listen: [{ fifo: 'app.log' }] }, 'not an absolute path'],
    [{ listen: [{ udp: '::1:514' }] }, 'not an address'],
    [{ listen: [{ path: '/a', mode: '999' }] }, 'not a file mode'],
    [{ max_message: '10B' }, 'at least 1024'],
    [{ ring: '4KiB' }, 'at least 1048576'],
    [{ rate_limit: 'much' }, 'a rate such as 100/s'],
    [{ connections: 0 }, 'from 1'],
    [{ lisen: [] }, 'did you mean "listen"'],
  ])('%j are refused', (input, problem) => {
    expect(() => parseOptions(input)).toThrow(problem);
  });
});
