// What `exporters.alert` takes. Without anybody to tell, alerts are events all the same.

import {
  describe,
  duration,
  fallback,
  list,
  map,
  object,
  optional,
  type Parsed,
  pattern,
  type Schema,
  string,
} from '../../agent/core/options.ts';

const url = () => pattern('a URL such as "https://example.org/hook"', /^https?:\/\/[^\s]+$/);

/** Its path or name, and arguments. */
const program: Schema<string[]> = {
  ...list(string(), true),
  parse(input, path, checker) {
    const words = list(string(), true).parse(input, path, checker);
    if (words?.[0]) return words;
    if (words) checker.problem(path, 'the program is missing');
    return undefined;
  },
};

export const options = object({
  mail: optional(
    describe(
      pattern('addresses such as "root" or "ops@example.org, night@example.org"', /^[^\s-][^\r\n]*$/),
      'To whom mail goes.',
    ),
  ),
  mail_from: optional(describe(string(), 'From whom. Default: eudaemon at this host.')),
  smtp: optional(
    describe(
      pattern('a URL such as "smtps://user:password@mail.example.org"', /^smtps?:\/\/\S+$/),
      'The mail server. Default: localhost:25, and where none listens sendmail(8), which under the packaged systemd unit may not do what it needs to.',
    ),
  ),
  exec: optional(
    describe(
      program,
      'A program and its arguments, run for each alert with its JSON on standard input and EUDAEMON_ALERT_… in its environment.',
    ),
  ),
  webhook: optional(
    describe(url(), 'Where each alert is posted as JSON: the fields of an Alertmanager webhook, and `text`.'),
  ),
  alertmanager: optional(describe(url(), 'Base URL of an Alertmanager, such as "http://127.0.0.1:9093".')),
  headers: fallback(
    describe(
      map(pattern('a header value', /^[\t\x20-\x7e\x80-\xff]*$/), {
        what: 'a header name',
        pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
      }),
      'Of requests to webhook and alertmanager.',
    ),
    {},
  ),
  after: describe(
    fallback(duration(), 60_000),
    'How long a trouble lasts before it is told; it is over when it has been for as long. Default: 1m.',
  ),
  timeout: describe(fallback(duration(1), 30_000), 'Of one attempt. Default: 30s.'),
});

export type AlertOptions = Parsed<typeof options>;
