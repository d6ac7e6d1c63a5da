// What `exporters.syslog` takes.

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
  type Schema,
  size,
  string,
} from '../../agent/core/options.ts';

/** RFC 5424, table 1, by number. */
export const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'audit', 'alert', 'clock'],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const;

const receiver = () =>
  pattern(
    'a host and a port such as "loghost:514" or "[::1]:514"',
    /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):[1-9]\d{0,4}$/,
  );

const fields = object({
  path: optional(
    describe(
      pattern('an absolute path', /^\//),
      'Unix socket of the receiver. Default, where neither udp nor tcp is given: /dev/log.',
    ),
  ),
  type: fallback(describe(oneOf('dgram', 'stream'), 'Of the Unix socket.'), 'dgram'),
  udp: optional(receiver()),
  tcp: optional(receiver()),
  tls: optional(
    describe(
      object({
        ca_file: optional(string()),
        cert_file: optional(string()),
        key_file: optional(string()),
        server_name: optional(string()),
        insecure_skip_verify: fallback(boolean(), false),
      }),
      'TLS for tcp (RFC 5425); files are read at each connection.',
    ),
  ),
  framing: fallback(
    describe(
      oneOf('octet_counting', 'newline'),
      'How messages are told apart on a stream (RFC 6587); with newline, those within a message become #012.',
    ),
    'octet_counting',
  ),
  facility: fallback(describe(oneOf(...FACILITIES), 'Of records that did not come with one.'), 'daemon'),
  sd_id: fallback(
    describe(
      pattern('an SD-ID such as "name@32473"', /^[!#-<>-\\^-~]{1,26}@\d{1,10}$/),
      'Name of the structured data that carries attributes; the number is your enterprise number.',
    ),
    'eudaemon@32473',
  ),
  max_message: fallback(
    describe(size(480), 'Longer messages go in parts; receivers often cut at 8KiB.'),
    8192,
  ),
  timeout: fallback(
    describe(duration(100), 'For a connection, and for a receiver that takes nothing more.'),
    10_000,
  ),
});

export type SyslogOptions = Parsed<typeof fields>;

/** One receiver, and TLS only where there is TCP. */
export const options: Schema<SyslogOptions> = {
  ...fields,
  parse(input, path, checker) {
    const given = fields.parse(input, path, checker);
    if (!given) return undefined;
    const named = (['path', 'udp', 'tcp'] as const).filter(key => given[key] !== undefined);
    if (named.length > 1)
      checker.problem(path, `only one of path, udp, tcp may be given, not ${named.join(' and ')}`);
    if (given.tls && given.tcp === undefined) checker.problem([...path, 'tls'], 'TLS needs tcp', 'key');
    return given;
  },
};

export const DEFAULT_PATH = '/dev/log';
