// Receivers that refuse, reset, hang, answer wrongly or only in part, and one that is away while records pour in: each
// record arrives, or is counted with its reason.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Backend, startBackend } from '../e2e/backend.ts';
import { ledgerGap, type Metrics } from '../e2e/metrics.ts';
import { createHome, type Program, startProgram } from '../e2e/program.ts';
import { sendDatagrams } from '../e2e/senders.ts';
import { until } from '../e2e/until.ts';
import type { Behaviour } from '../receiver.ts';
import { arrivedOf, missingOf, sendDatagramsOn } from './load.ts';

const otlp = (backend: Backend) => ({ ...backend.exporter, timeout: '1s' });
const atRest = (page: Metrics) =>
  page.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0 &&
  page.value('eudaemon_records_delivered_total', { exporter: 'otlp' })! > 0;

/** Sends numbered datagrams. */
const send = (program: Program, from: number, count: number) =>
  sendDatagrams(
    program.home.socket,
    Array.from({ length: count }, (_, i) => `<13>seq: datagram ${from + i} .`),
  );

describe('one after another, to one agent', () => {
  const faults: [string, Behaviour][] = [
    ['resets', { fault: 'reset' }],
    ['hangs', { fault: 'silent' }],
    ['hangs behind its status', { fault: 'stall' }],
    ['asks to come later', { status: 429, headers: { 'retry-after': '1' } }],
    ['is not available', { status: 503 }],
    ['has a bad gateway', { status: 502, body: '<html>' }],
  ];
  it(faults.map(([name]) => name).join(', '), async () => {
    const backend = await startBackend();
    const program = await startProgram(await createHome({ exporters: { otlp: otlp(backend) } }));
    let sent = 0;
    for (const [name, behaviour] of faults) {
      backend.behave(behaviour, 2);
      await send(program, sent, 200);
      sent += 200;
      await until(`what was sent while it ${name} arrives`, () => {
        return missingOf(arrivedOf(backend.all(), 'datagram'), sent).length === 0;
      });
    }
    // A connection that is refused.
    await backend.close();
    await send(program, sent, 200);
    await program.waitForMetrics('it is refused', page => page.sum('eudaemon_exporter_failures_total') > 12);
    await backend.open();
    sent += 200;
    await until('the rest arrives', () => arrivedOf(backend.all(), 'datagram').numbers.length === sent);
    const page = await program.waitForMetrics('all is delivered', atRest);
    expect(ledgerGap(page, 'otlp')).toBe(0);
    expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
    expect((await program.stop()).code).toBe(0);
  });
});

it('one that refuses for good: dropped with the reason, each counted once', async () => {
  const backend = await startBackend();
  const program = await startProgram(await createHome({ exporters: { otlp: otlp(backend) } }));
  backend.behave({ status: 400, body: 'bad' }, 1);
  await send(program, 0, 1);
  await program.waitForMetrics(
    'the first is dropped',
    page => page.sum('eudaemon_records_dropped_total') === 1,
  );
  backend.behave({ rejected: 1, message: 'one of them is too old' }, 1);
  await send(program, 1, 1);
  await program.waitForMetrics('so is the second', page => page.sum('eudaemon_records_dropped_total') === 2);
  await send(program, 2, 100);
  await until('the others arrive', () => arrivedOf(backend.all(), 'datagram').numbers.length >= 101);
  const page = await program.waitForMetrics('all is settled', atRest);
  expect(ledgerGap(page, 'otlp')).toBe(0);
  expect(page.sum('eudaemon_records_dropped_total', { exporter: 'otlp' })).toBe(2);
  expect(
    new Set(
      page
        .all('eudaemon_records_dropped_total', { exporter: 'otlp' })
        .filter(s => s.value > 0)
        .map(s => s.labels['reason']),
    ).size,
  ).toBeGreaterThan(0);
});

it('one that is away for a while under load: nothing is lost, and the spool gives its room back', async () => {
  const backend = await startBackend();
  const home = await createHome({ exporters: { otlp: otlp(backend) } });
  const program = await startProgram(home);
  const load = sendDatagramsOn(home.socket, 30, 'x'.repeat(200));
  await until('records arrive', () => backend.all().length > 1_000);
  await backend.close();
  await pause(3_000);
  await backend.open();
  const sent = await load.stop();
  await until('all arrive', () => missingOf(arrivedOf(backend.all(), 'datagram'), sent).length === 0, {
    timeoutMs: 60_000,
    everyMs: 500,
  });
  const page = await program.waitForMetrics(
    'the spool is empty',
    metrics => atRest(metrics) && metrics.value('eudaemon_spool_bytes') === 0,
  );
  expect(ledgerGap(page, 'otlp')).toBe(0);
  expect(page.sum('eudaemon_records_received_total', { source: 'syslog' })).toBe(sent);
  expect(page.value('eudaemon_spool_oldest_age_seconds')).toBe(0);
  expect((await program.stop()).code).toBe(0);
});
