// What `exporters.alert` takes. Without anybody to tell, alerts are events all the same.

import { headers, httpUrl } from '../../agent/core/http-options.ts';
import {
  describe,
  duration,
  fallback,
  list,
  object,
  optional,
  type Parsed,
  pattern,
  type Schema,
  string,
} from '../../agent/core/options.ts';

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
    describe(
      httpUrl('https://example.org/hook'),
      'Where each alert is posted as JSON: the fields of an Alertmanager webhook, and `text`.',
    ),
  ),
  alertmanager: optional(
    describe(
      httpUrl('http://127.0.0.1:9093'),
      'Base URL of an Alertmanager, such as "http://127.0.0.1:9093".',
    ),
  ),
  headers: fallback(describe(headers(), 'Of requests to webhook and alertmanager.'), {}),
  after: describe(
    fallback(duration(), 60_000),
    'How long a trouble lasts before it is told; it is over when it has been for as long. Default: 1m.',
  ),
  timeout: describe(fallback(duration(1), 30_000), 'Of one attempt. Default: 30s.'),
});

export type AlertOptions = Parsed<typeof options>;
