// What is said of an alert. Pure.

import type { Alert } from '../../agent/core/alert.ts';
import { hostNameOf } from '../../agent/core/host-name.ts';

const statusOf = ({ endsAt }: Alert) => (endsAt === undefined ? 'firing' : 'resolved');
const iso = (ms: number): string => new Date(ms).toISOString();

/** One line for people. */
export const headline = (alert: Alert, host: string): string =>
  `${host}: ${alert.endsAt === undefined ? '' : 'over: '}${alert.summary}`;

/** As Prometheus would label it, had it the rule; those of the daemon do not take the place of these. */
export const labelsOf = (alert: Alert, host: string): Record<string, string> => ({
  ...alert.labels,
  alertname: alert.name,
  daemon: alert.daemon,
  instance: host,
  severity: alert.severity,
});

/** The fields of a webhook of Alertmanager (version 4), and `text`, which chat rooms show. */
export function webhookBody(alert: Alert, host: string): string {
  const status = statusOf(alert);
  const labels = labelsOf(alert, host);
  const annotations = { summary: alert.summary, description: adviceOf(alert) };
  return JSON.stringify({
    version: '4',
    status,
    receiver: 'eudaemon',
    groupKey: JSON.stringify([alert.name, alert.daemon]),
    truncatedAlerts: 0,
    groupLabels: { alertname: alert.name, daemon: alert.daemon },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: '',
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: iso(alert.startsAt),
        endsAt: alert.endsAt === undefined ? '0001-01-01T00:00:00Z' : iso(alert.endsAt),
        generatorURL: '',
      },
    ],
    text: headline(alert, host),
  });
}

/** For `/api/v2/alerts`; what is not told again in time ends there by itself at `until`, Unix ms. */
export const alertmanagerBody = (alert: Alert, host: string, until: number): string =>
  JSON.stringify([
    {
      labels: labelsOf(alert, host),
      annotations: { summary: alert.summary, description: adviceOf(alert) },
      startsAt: iso(alert.startsAt),
      endsAt: iso(alert.endsAt ?? until),
    },
  ]);

/** The text of a mail. */
export const letter = (alert: Alert, host: string): string =>
  [
    alert.summary,
    '',
    `since     ${iso(alert.startsAt)}`,
    ...(alert.endsAt === undefined ? [] : [`until     ${iso(alert.endsAt)}`]),
    ...Object.entries(labelsOf(alert, host)).map(([name, value]) => `${name.padEnd(9)} ${value}`),
    '',
    `eudaemon status ${alert.daemon}   how it is`,
    `eudaemon why ${alert.daemon}      how it ended last`,
    '',
  ].join('\n');

/** For programs that do not read JSON. */
export const environmentOf = (alert: Alert, host: string): Record<string, string> => ({
  EUDAEMON_ALERT_STATUS: statusOf(alert),
  EUDAEMON_ALERT_NAME: alert.name,
  EUDAEMON_ALERT_DAEMON: alert.daemon,
  EUDAEMON_ALERT_SEVERITY: alert.severity,
  EUDAEMON_ALERT_SUMMARY: alert.summary.replaceAll('\0', ''),
  EUDAEMON_ALERT_HOST: host,
});

const adviceOf = ({ daemon }: Alert): string =>
  `'eudaemon status ${daemon}' says how it is, 'eudaemon why ${daemon}' how it ended last.`;

export const hostOf = (host: Parameters<typeof hostNameOf>[0]): string => hostNameOf(host) ?? 'localhost';
