// Mail to a server of the test, as SMTP has it (RFC 5321), read back line by line.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Alert } from '../../../agent/core/alert.ts';
import { RetryLater } from '../../../agent/core/exporter.ts';
import { createMailer } from '../../../exporters/alert/mail.ts';

const ALERT: Alert = {
  name: 'EudaemonDaemonDown',
  daemon: 'nginx',
  severity: 'critical',
  labels: {},
  summary: 'nginx is not running',
  startsAt: Date.UTC(2026, 0, 2),
};

/** `answers` by the first word of a command, instead of what lets it pass; an empty one is none. */
async function mailServer(answers: Readonly<Record<string, string>> = {}) {
  const commands: string[] = [];
  const mails: string[][] = [];
  const server = createServer(async socket => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    const say = (text: string) => socket.write(`${text}\r\n`);
    say('220 test');
    let mail: string[] | undefined;
    for await (const line of createInterface(socket)) {
      if (mail) {
        if (line !== '.') mail.push(line);
        else {
          mails.push(mail);
          mail = undefined;
          say('250 taken');
        }
        continue;
      }
      commands.push(line);
      const [word = ''] = line.split(/[ :]/);
      const answer =
        answers[word] ?? (word === 'DATA' ? '354 go on' : word === 'QUIT' ? '221 bye' : '250 ok');
      if (answer.startsWith('354')) mail = [];
      if (answer !== '') say(answer);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { commands, mails, smtp: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
const tell = (
  smtp: string,
  alert = ALERT,
  { to = 'root', timeout = 60_000, mail_from = 'agent@example.org' } = {},
) => createMailer(to, { mail_from, smtp, timeout }, 'box')(alert, AbortSignal.timeout(timeout));

describe('a mail', () => {
  it('goes to all who are named, from whom it is said', async () => {
    const { commands, mails, smtp } = await mailServer();
    await tell(smtp, ALERT, { to: 'root, night@example.org' });
    expect(commands.slice(1, 4)).toEqual([
      'MAIL FROM:<agent@example.org>',
      'RCPT TO:<root@localhost>',
      'RCPT TO:<night@example.org>',
    ]);
    const [mail] = mails;
    expect(mail).toContain('Subject: box: nginx is not running');
    expect(mail).toContain('Auto-Submitted: auto-generated');
    expect(mail).toContain('since     2026-01-02T00:00:00.000Z');
    expect(mail).toContain('eudaemon why nginx      how it ended last');
  });

  it('is of the agent at its host when nobody says from whom', async () => {
    const { commands, smtp } = await mailServer();
    await createMailer('root', { smtp, timeout: 60_000 }, 'box')(ALERT, new AbortController().signal);
    expect(commands[1]).toBe('MAIL FROM:<eudaemon@box>');
  });

  it('has no header that an alert has written', async () => {
    const { mails, smtp } = await mailServer();
    await tell(smtp, { ...ALERT, summary: 'x\r\nBcc: evil@example.org\r\n\r\nhello' });
    const headers = mails[0]!.slice(0, mails[0]!.indexOf(''));
    expect(headers.filter(line => /^bcc:/i.test(line))).toEqual([]);
    expect(headers.filter(line => line.startsWith('Subject:'))).toHaveLength(1);
  });
});

describe('a mail server', () => {
  it.each<[string, Record<string, string>, string, RegExp]>([
    ['that does not want it', { RCPT: '550 no such user' }, 'refused', /550 no such user/],
    ['that is busy', { MAIL: '451 come back' }, 'refused', /451 come back/],
    ['that says nothing', { EHLO: '' }, 'timeout', /takes too long/],
  ])('%s', async (_, answers, reason, message) => {
    const { smtp } = await mailServer(answers);
    const error = await tell(smtp, ALERT, { timeout: 500 }).catch(error => error);
    expect(error).toBeInstanceOf(RetryLater);
    expect(error).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  it('that is away', async () => {
    const error = await tell('smtp://127.0.0.1:1').catch(error => error);
    expect(error).toBeInstanceOf(RetryLater);
    expect(error).toMatchObject({ reason: 'unreachable' });
  });

  it('that does not know us', async () => {
    const { smtp } = await mailServer({ EHLO: '250-test\r\n250 AUTH PLAIN', AUTH: '535 who are you' });
    const error = await tell(smtp.replace('//', '//user:secret@')).catch(error => error);
    expect(error).toMatchObject({ reason: 'unauthorized' });
    expect(error.message).not.toContain('secret');
  });
});
