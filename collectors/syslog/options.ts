// Options of `collectors.syslog`.

import {
  absolutePath,
  choose,
  describe,
  duration,
  fallback,
  fileMode,
  integer,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  PORT,
  pattern,
  type Schema,
  size,
  string,
} from '../../agent/core/options.ts';
import { rateLimit } from '../../agent/core/rate.ts';

/** The socket in the run directory that is opened when `listen` is empty. */
export const DEFAULT_SOCKET = 'syslog.sock';

const endpoint = () =>
  pattern(
    'an address such as "127.0.0.1:5514" or "[::]:514"',
    new RegExp(`^(\\[[0-9a-fA-F:.]+\\]|[^:[\\]\\s]*):${PORT}$`),
  );

const fifo: Schema<string | { path: string; daemon?: string }> = choose<
  string | { path: string; daemon?: string }
>(
  { when: input => typeof input !== 'object', schema: absolutePath() },
  {
    when: () => true,
    schema: object({
      path: absolutePath(),
      daemon: describe(optional(string()), 'Whose lines these are; else what their tags say.'),
    }),
  },
);

const listen = object(
  {
    path: describe(optional(absolutePath()), 'Unix socket, e.g. /dev/log.'),
    type: fallback(oneOf('dgram', 'stream'), 'dgram'),
    mode: fallback(fileMode(), 0o666),
    owner: describe(optional(string()), 'User name or number the socket or pipe belongs to.'),
    group: optional(string()),
    fifo: describe(
      optional(fifo),
      'Named pipe, made with mode, owner and group when there is none: /run/app.log, or { path, daemon }.',
    ),
    udp: optional(endpoint()),
    tcp: optional(endpoint()),
    tls: describe(
      optional(object({ cert_file: string(), key_file: string(), client_ca_file: optional(string()) })),
      'TLS for tcp (RFC 5425); with client_ca_file clients must show a certificate of it.',
    ),
    activation: describe(
      optional(string()),
      'Name of sockets or pipes passed by systemd: FileDescriptorName=, or the unit. Those of a path, address or pipe named here are taken up by themselves.',
    ),
  },
  { exactlyOne: ['path', 'fifo', 'udp', 'tcp', 'activation'] },
);

/** `listen` empty means one datagram socket in the run directory. */
export const options = object({
  listen: fallback(list(listen, true), []),
  max_message: describe(fallback(size(1024), 64 * 1024), 'Longer messages are cut, marked and counted.'),
  ring: describe(
    fallback(size(1 << 20), 16 << 20),
    'Room for received datagrams that are not in the spool yet.',
  ),
  connections: describe(fallback(integer(1), 1000), 'Connections to one stream socket; more are refused.'),
  rate_limit: describe(
    optional(rateLimit('sender')),
    'What a daemon, or another program of a user, sends beyond it is dropped, counted and told. Off when absent.',
  ),
  idle_timeout: describe(
    optional(duration(1000)),
    'Connections silent for longer are closed; never when absent.',
  ),
});

export type SyslogOptions = Parsed<typeof options>;
export type ListenOptions = SyslogOptions['listen'][number];
