// Targets that are there, away or slow, on a clock of the test; and what of it outlives the agent.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAlerting } from '../../agent/control/alerting.ts';
import type { Alert, AlertTarget } from '../../agent/core/alert.ts';
import { type ExporterEntry, RetryLater } from '../../agent/core/exporter.ts';
import type { Log } from '../../agent/core/log.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { object } from '../../agent/core/options.ts';
import { figure } from '../figure.ts';
import { quiet } from '../quiet.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eudaemon-alerts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const alert = (daemon: string, more: Partial<Alert> = {}): Alert => ({
  name: 'EudaemonDaemonDown',
  daemon,
  severity: 'critical',
  labels: {},
  summary: `${daemon} is not running`,
  startsAt: 1,
  ...more,
});

/** One that hears what it is told, or throws what it is given to throw. */
function target(name = 'mail', more: Partial<AlertTarget> = {}) {
  const heard: string[] = [];
  const failures: Error[] = [];
  return {
    heard,
    failures,
    name,
    async tell({ daemon, endsAt }: Alert) {
      const failure = failures.shift();
      if (failure) throw failure;
      heard.push(endsAt === undefined ? daemon : `over ${daemon}`);
    },
    ...more,
  };
}

async function world(...targets: AlertTarget[]) {
  let elapsed = 0;
  let news: Alert[] = [];
  let firing: readonly Alert[] = [];
  const warnings: string[] = [];
  const log: Log = { ...quiet, warn: message => void warnings.push(message), room: () => log };
  const meter = createMeter();
  const entry: ExporterEntry = {
    name: 'alert',
    options: object({}),
    alerts: async () => ({ afterMs: 0, targets }),
  };
  const alerting = createAlerting({
    exporters: [entry],
    stateDir: dir,
    watch(before) {
      firing = before;
      return {
        judge() {
          const told = news;
          news = [];
          firing = [...firing, ...told].filter(
            each => each.endsAt === undefined && !told.some(end => end.endsAt && end.daemon === each.daemon),
          );
          return told;
        },
        get firing() {
          return firing;
        },
      };
    },
    clock: { now: () => elapsed, elapsed: () => elapsed, after: () => () => {} },
    log,
    meter,
    host: [],
  });
  const apply = (options: object | undefined) =>
    alerting.apply({ agent: { state_dir: dir }, exporters: { alert: options } });
  await apply({});
  return {
    alerting,
    apply,
    warnings,
    firing: () => firing,
    figure: (name: string, labels = {}) => figure(meter, `eudaemon_alerts_${name}`, labels),
    async look(seconds = 0, ...alerts: Alert[]) {
      elapsed += seconds * 1000;
      news = alerts;
      alerting.look();
      await new Promise(setImmediate);
    },
  };
}
const away = new RetryLater('unreachable', 'connection refused');

describe('a target', () => {
  it('hears everything in order', async () => {
    const mail = target();
    const { look, figure } = await world(mail);
    await look(0, alert('a'), alert('b'));
    await look(1, alert('a', { endsAt: 2 }));
    expect(mail.heard).toEqual(['a', 'b', 'over a']);
    expect(figure('sent_total', { target: 'mail' })).toBe(3);
    expect(figure('target_up', { target: 'mail' })).toBe(1);
    expect(figure('firing', { severity: 'critical' })).toBe(1);
  });

  it('that is away hears it later, and the others do not wait for it', async () => {
    const [mail, hook] = [target(), target('webhook')];
    mail.failures.push(away, away);
    const { look, figure, warnings } = await world(mail, hook);
    await look(0, alert('a'));
    expect([mail.heard, hook.heard]).toEqual([[], ['a']]);
    expect(warnings).toEqual(['cannot tell mail of an alert: connection refused']);
    await look(30, alert('b'));
    await look(30);
    expect(mail.heard).toEqual(['a', 'b']);
    expect(figure('failures_total', { target: 'mail', reason: 'unreachable' })).toBe(2);
    expect(figure('target_up', { target: 'mail' })).toBe(1);
  });

  it('that asks for time gets it', async () => {
    const mail = target();
    mail.failures.push(new RetryLater('http_429', 'slow down', 60_000));
    const { look } = await world(mail);
    await look(0, alert('a'));
    await look(59);
    expect(mail.heard).toEqual([]);
    await look(31);
    expect(mail.heard).toEqual(['a']);
  });

  it('that is away for five minutes makes the agent not ready, until it is back', async () => {
    const mail = target();
    mail.failures.push(...Array(20).fill(away));
    const { alerting, look } = await world(mail);
    await look(0, alert('a'));
    for (let i = 0; i < 9; i++) await look(30);
    expect(alerting.faults()).toEqual([]);
    await look(30);
    expect(alerting.faults()).toEqual(['mail cannot be told of alerts: connection refused']);
    mail.failures.length = 0;
    await look(31);
    expect(alerting.faults()).toEqual([]);
  });

  it('that would forget is told again what lasts', async () => {
    const manager = target('alertmanager', { repeatMs: 60_000 });
    const { look } = await world(manager);
    await look(0, alert('a'), alert('b'));
    await look(59);
    expect(manager.heard).toEqual(['a', 'b']);
    await look(1, alert('b', { endsAt: 3 }));
    await look(1);
    expect(manager.heard).toEqual(['a', 'b', 'over b', 'a']);
  });

  it('hears of at most a thousand that it missed', async () => {
    const mail = target();
    mail.failures.push(away);
    const { look, figure } = await world(mail);
    await look(0, alert('first'));
    await look(0, ...Array.from({ length: 1000 }, (_, i) => alert(`${i}`)));
    await look(60);
    expect(mail.heard).toHaveLength(1000);
    expect(mail.heard[0]).toBe('0');
    expect(figure('failures_total', { target: 'mail', reason: 'queue_full' })).toBe(1);
  });

  it('can be tested, without being taken for well or ill', async () => {
    const [mail, hook] = [target(), target('webhook')];
    hook.failures.push(away);
    const { alerting, figure } = await world(mail, hook);
    expect(await alerting.test()).toEqual([
      { target: 'mail' },
      { target: 'webhook', error: 'connection refused' },
    ]);
    expect(mail.heard).toEqual(['eudaemon']);
    expect(figure('failures_total', { target: 'webhook', reason: 'unreachable' })).toBeUndefined();
  });
});

describe('another life', () => {
  it('goes on with what was not heard, and knows what fires', async () => {
    const before = target();
    before.failures.push(away);
    const first = await world(before);
    await first.look(0, alert('a'));
    await first.alerting.stop(0);
    const after = target();
    const { look, firing } = await world(after);
    expect(firing()).toEqual([alert('a')]);
    await look();
    await look(1);
    expect(after.heard).toEqual(['a']);
    expect(JSON.parse(readFileSync(join(dir, 'alerts/alerts.json'), 'utf8'))).toEqual({
      firing: [alert('a')],
      waiting: { mail: [] },
    });
  });

  it.each(['{', '[]', '{"firing":7}', '{"waiting":{"mail":[7]}}'])('begins anew after %s', async text => {
    const first = await world(target());
    await first.look(0, alert('a'));
    writeFileSync(join(dir, 'alerts/alerts.json'), text);
    const mail = target();
    const { look, firing } = await world(mail);
    await look(0, alert('b'));
    expect(firing()).toEqual([alert('b')]);
    expect(mail.heard).toEqual(['b']);
  });
});

describe('a reload', () => {
  it('keeps what a target has not heard', async () => {
    const mail = target();
    mail.failures.push(away);
    const { apply, look } = await world(mail);
    await look(0, alert('a'));
    await apply({ other: true });
    await look();
    expect(mail.heard).toEqual(['a']);
  });

  it('without the exporter tells nobody', async () => {
    const mail = target();
    const { alerting, apply, look } = await world(mail);
    await apply(undefined);
    await look(0, alert('a'));
    expect(mail.heard).toEqual([]);
    expect(await alerting.test()).toEqual([]);
  });
});

it('is told within the stop what came last', async () => {
  const mail = target();
  const { alerting, look } = await world(mail);
  void look(0, alert('a'));
  await alerting.stop(10_000);
  expect(mail.heard).toEqual(['a']);
});
