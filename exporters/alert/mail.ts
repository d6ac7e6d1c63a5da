// Mail: to an SMTP server, by default to that of this host, and where none listens by sendmail(8). The only door to nodemailer.

import { createTransport } from 'nodemailer';
import type { Alert, AlertTarget } from '../../agent/core/alert.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import { RetryLater } from '../../agent/core/exporter.ts';
import { headline, letter } from './message.ts';
import type { AlertOptions } from './options.ts';
import { run, SENDMAIL } from './run.ts';

/** Nobody else is between it and us, and its certificate is one that it made itself. */
const LOCAL = { host: 'localhost', port: 25, ignoreTLS: true };

export function createMailer(
  to: string,
  { mail_from: from, smtp, timeout }: Pick<AlertOptions, 'mail_from' | 'smtp' | 'timeout'>,
  host: string,
): AlertTarget['tell'] {
  const limits = { connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout };
  const server = createTransport({ ...(smtp === undefined ? LOCAL : { url: smtp }), ...limits });
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  const compose = (alert: Alert) => ({
    from: from ?? { name: 'eudaemon', address: `eudaemon@${host}` },
    to: to.split(',').map(address => withDomain(address.trim())),
    subject: headline(alert, host),
    text: letter(alert, host),
    headers: { 'Auto-Submitted': 'auto-generated' },
  });

  return async (alert, signal) => {
    const mail = compose(alert);
    try {
      await server.sendMail({ ...mail, signal });
    } catch (error) {
      if (signal.aborted) throw new RetryLater('timeout', 'the mail server takes too long');
      if (smtp !== undefined || !isNobodyThere(error))
        throw new RetryLater(REASONS[codeOf(error) ?? ''] ?? 'refused', `by SMTP: ${causeOf(error)}`);
      const { message } = await composer.sendMail(mail);
      await run([SENDMAIL, '-oi', '-t'], message as Buffer, {}, signal);
    }
  };
}

/** Of `eudaemon_alerts_failures_total`, by codes of nodemailer. */
const REASONS: Readonly<Record<string, string>> = {
  EAUTH: 'unauthorized',
  ENOAUTH: 'unauthorized',
  ETLS: 'tls',
  ETIMEDOUT: 'timeout',
  EDNS: 'unreachable',
  ESOCKET: 'unreachable',
  ECONNECTION: 'unreachable',
};

const isNobodyThere = (error: unknown): boolean => /ECONNREFUSED|ENOTFOUND/.test(String(error));

/** `root` is somebody of this host. */
const withDomain = (address: string): string => (address.includes('@') ? address : `${address}@localhost`);
