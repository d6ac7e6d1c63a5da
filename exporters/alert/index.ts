// Tells people of alerts: by mail, by a program, by a webhook, through an Alertmanager.

import type { AlertExporter, AlertTarget } from '../../agent/core/alert.ts';
import type { ExporterRoom } from '../../agent/core/exporter.ts';
import { alertmanagerBody, environmentOf, hostOf, webhookBody } from './message.ts';
import type { AlertOptions } from './options.ts';
import { post } from './post.ts';
import { run } from './run.ts';

/** Alertmanager takes for over what it has not heard of for `resolve_timeout`, five minutes by default. */
const REPEAT_MS = 60_000;

export async function alerts(options: AlertOptions, room: ExporterRoom): Promise<AlertExporter> {
  const { mail, exec, webhook, alertmanager, headers, after: afterMs, timeout } = options;
  const host = hostOf(room.host);
  const targets: AlertTarget[] = [];
  const add = (name: string, tell: AlertTarget['tell'], repeatMs?: number) =>
    targets.push({
      name,
      ...(repeatMs !== undefined && { repeatMs }),
      tell: (alert, signal) => tell(alert, AbortSignal.any([signal, AbortSignal.timeout(timeout)])),
    });

  if (mail !== undefined) {
    const { createMailer } = await import('./mail.ts');
    add('mail', createMailer(mail, options, host));
  }
  if (exec)
    add('exec', (alert, signal) =>
      run(exec, `${webhookBody(alert, host)}\n`, environmentOf(alert, host), signal),
    );
  if (webhook !== undefined)
    add('webhook', (alert, signal) => post(webhook, webhookBody(alert, host), headers, signal));
  if (alertmanager !== undefined) {
    const url = `${alertmanager.replace(/\/+$/, '')}/api/v2/alerts`;
    add(
      'alertmanager',
      (alert, signal) =>
        post(url, alertmanagerBody(alert, host, room.now() + 5 * REPEAT_MS), headers, signal),
      REPEAT_MS,
    );
  }
  return { afterMs, targets };
}
