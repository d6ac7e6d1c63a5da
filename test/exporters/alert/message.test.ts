// What is said of an alert: by whom it is read decides the form, and nothing in it breaks that.
import { expect, it } from 'vitest';
import type { Alert } from '../../../agent/core/alert.ts';
import {
  alertmanagerBody,
  environmentOf,
  hostOf,
  letter,
  webhookBody,
} from '../../../exporters/alert/message.ts';

const ALERT: Alert = {
  name: 'EudaemonHealthCheckFailing',
  daemon: 'nginx',
  severity: 'warning',
  labels: { team: 'web', check: 'http', severity: 'of the daemon' },
  summary: 'check http of nginx fails: connection refused',
  startsAt: Date.UTC(2026, 0, 2, 3, 4, 5),
};
const OVER = { ...ALERT, endsAt: Date.UTC(2026, 0, 2, 3, 14, 5) };
const labels = {
  team: 'web',
  check: 'http',
  alertname: 'EudaemonHealthCheckFailing',
  daemon: 'nginx',
  instance: 'box',
  severity: 'warning',
};

it('a webhook gets what an Alertmanager would send, and a line of text', () => {
  expect(JSON.parse(webhookBody(ALERT, 'box'))).toMatchObject({
    version: '4',
    status: 'firing',
    commonLabels: labels,
    alerts: [
      {
        status: 'firing',
        labels,
        annotations: { summary: ALERT.summary, description: expect.stringContaining('eudaemon why nginx') },
        startsAt: '2026-01-02T03:04:05.000Z',
        endsAt: '0001-01-01T00:00:00Z',
      },
    ],
    text: 'box: check http of nginx fails: connection refused',
  });
  expect(JSON.parse(webhookBody(OVER, 'box'))).toMatchObject({
    status: 'resolved',
    alerts: [{ status: 'resolved', endsAt: '2026-01-02T03:14:05.000Z' }],
    text: 'box: over: check http of nginx fails: connection refused',
  });
});

it('an Alertmanager takes it for over at its end, or when nobody repeats it', () => {
  const until = ALERT.startsAt + 60_000;
  expect(JSON.parse(alertmanagerBody(ALERT, 'box', until))).toMatchObject([
    { labels, startsAt: '2026-01-02T03:04:05.000Z', endsAt: '2026-01-02T03:05:05.000Z' },
  ]);
  expect(JSON.parse(alertmanagerBody(OVER, 'box', until))).toMatchObject([
    { endsAt: '2026-01-02T03:14:05.000Z' },
  ]);
});

it('a program has it in its environment, without what an environment cannot hold', () => {
  expect(environmentOf({ ...ALERT, summary: 'a\0b' }, 'box')).toEqual({
    EUDAEMON_ALERT_STATUS: 'firing',
    EUDAEMON_ALERT_NAME: 'EudaemonHealthCheckFailing',
    EUDAEMON_ALERT_DAEMON: 'nginx',
    EUDAEMON_ALERT_SEVERITY: 'warning',
    EUDAEMON_ALERT_SUMMARY: 'ab',
    EUDAEMON_ALERT_HOST: 'box',
  });
});

it('a letter says what is the matter, when it began and when it ended', () => {
  const text = letter(OVER, 'box');
  expect(text.split('\n', 4)).toEqual([
    ALERT.summary,
    '',
    'since     2026-01-02T03:04:05.000Z',
    'until     2026-01-02T03:14:05.000Z',
  ]);
  expect(text).toContain('\nteam      web\n');
  expect(letter(ALERT, 'box')).not.toContain('until');
});

it('a host without a name is still one', () => {
  expect([hostOf([['host.name', 'box']]), hostOf([])]).toEqual(['box', 'localhost']);
});
