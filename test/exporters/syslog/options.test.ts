// Options of the syslog exporter, and receivers that would be the agent itself.
import { describe, expect, it } from 'vitest';
import { conflictOf } from '../../../exporters/syslog/conflict.ts';
import { type SyslogOptions, options as schema } from '../../../exporters/syslog/options.ts';

function parse(input: object): { value: SyslogOptions | undefined; problems: string[] } {
  const problems: string[] = [];
  const checker = {
    problem: (path: readonly (string | number)[], message: string) =>
      void problems.push(`${path.join('.')}: ${message}`),
    formats: { regex: () => undefined, glob: () => undefined },
  };
  return { value: schema.parse(input, [], checker), problems };
}

describe('options', () => {
  it('may be empty', () => {
    expect(parse({}).value).toEqual({
      type: 'dgram',
      framing: 'octet_counting',
      facility: 'daemon',
      sd_id: 'eudaemon@32473',
      max_message: 8192,
      timeout: 10_000,
    });
  });
  it.each<[object, string]>([
    [{ path: '/a', udp: 'b:1' }, 'only one of path, udp, tcp may be given, not path and udp'],
    [{ path: 'dev/log' }, 'path: "dev/log" is not an absolute path'],
    [{ udp: 'loghost' }, 'udp: "loghost" is not a host and a port'],
    [{ tcp: '::1:514' }, 'tcp: "::1:514" is not a host and a port'],
    [{ tcp: 'a:0' }, 'tcp: "a:0" is not'],
    [{ udp: 'a:514', tls: {} }, 'tls: TLS needs tcp'],
    [{ facility: 'deamon' }, 'did you mean "daemon"?'],
    [{ framing: 'lines' }, 'framing: '],
    [{ sd_id: 'eudaemon' }, 'sd_id: "eudaemon" is not an SD-ID'],
    [{ sd_id: 'a b@1' }, 'sd_id: '],
    [{ max_message: '100B' }, 'max_message: '],
    [{ host: 'x' }, 'unknown key "host"'],
  ])('refuse %j', (input, problem) => {
    expect(parse(input).problems).toEqual([expect.stringContaining(problem)]);
  });
});

describe('a receiver', () => {
  const own = (target: object, listen: object[] | false) =>
    conflictOf(parse(target).value!, {
      collectors: { syslog: listen && { listen } },
      runDir: '/run/eudaemon',
    });
  it.each<[object, object[]]>([
    [{}, [{ path: '/dev/log' }]],
    [{ path: '/run/eudaemon/syslog.sock' }, []],
    [{ udp: '127.0.0.1:514' }, [{ path: '/x' }, { udp: '127.0.0.1:514' }]],
    [{ udp: 'localhost:514' }, [{ udp: '0.0.0.0:514' }]],
    [{ tcp: '[::1]:601' }, [{ tcp: ':601' }]],
    [{ tcp: '10.0.0.1:601' }, [{ tcp: '10.0.0.1:601' }]],
  ])('%j is the agent itself where it listens on %j', (target, listen) => {
    expect(own(target, listen)).toMatch(
      /is where collectors\.syslog listens: every message would come back$/,
    );
  });
  it.each<[object, object[] | false]>([
    [{}, []],
    [{}, false],
    [{ path: '/dev/log' }, [{ path: '/run/log' }]],
    [{ udp: '127.0.0.1:514' }, [{ tcp: '127.0.0.1:514' }]],
    [{ udp: '127.0.0.1:514' }, [{ udp: '127.0.0.1:515' }]],
    [{ udp: 'loghost:514' }, [{ udp: '127.0.0.1:514' }]],
    [{ tcp: '10.0.0.2:601' }, [{ tcp: '10.0.0.1:601' }]],
  ])('%j is another where it listens on %j', (target, listen) => {
    expect(own(target, listen)).toBeUndefined();
  });
});
