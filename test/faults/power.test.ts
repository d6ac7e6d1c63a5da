// Power cuts and clocks: agents that start from a state copied in the middle of everything, and time that jumps.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { ledgerGap, type Metrics } from '../e2e/metrics.ts';
import { createHome, startProgram, tempDir } from '../e2e/program.ts';
import { sendDatagrams } from '../e2e/senders.ts';
import { until } from '../e2e/until.ts';
import { have } from '../tools.ts';
import { arrivedOf, missingOf, sendDatagramsOn } from './load.ts';

const COPIES = 6;

it(`${COPIES} copies of the state, taken while it was written: each has what was in it`, async () => {
  const backend = await startBackend();
  const home = await createHome({ exporters: { otlp: backend.exporter }, spool: { fsync: '50ms' } });
  const program = await startProgram(home);
  const load = sendDatagramsOn(home.socket, 30, 'x'.repeat(100));
  await until('records arrive', () => backend.all().length > 0);
  const copies: { directory: string; received: number; delivered: number }[] = [];
  const below = tempDir('copies');
  for (let i = 0; i < COPIES; i++) {
    // Half of them with a growing backlog, half while segments come and go.
    backend.behave(i % 2 === 0 ? { status: 503 } : {});
    const before = copies.at(-1)?.received ?? 0;
    const page = await program.waitForMetrics(
      'more is received',
      metrics => metrics.sum('eudaemon_records_received_total', { source: 'syslog' }) > before + 500,
    );
    const directory = join(below, String(i));
    const delivered = backend.all().length;
    cpSync(home.stateDir, directory, { recursive: true });
    copies.push({
      directory,
      received: page.sum('eudaemon_records_received_total', { source: 'syslog' }),
      delivered,
    });
  }
  await load.stop();
  program.signal('SIGKILL');
  await program.ended;

  const early = backend.all();
  for (const { directory, received } of copies) {
    const after = await startBackend();
    const copy = await createHome({
      agent: { state_dir: directory },
      exporters: { otlp: after.exporter },
    });
    const again = await startProgram(copy);
    const page = await again.waitForMetrics(
      'all is delivered',
      metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
    );
    expect(ledgerGap(page, 'otlp')).toBe(0);
    const both = arrivedOf([...early, ...after.all()], 'datagram');
    expect(missingOf(both, received)).toEqual([]);
    again.signal('SIGKILL');
    await again.ended;
  }
});

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
if (have('faketime'))
  it('a clock that jumps holds nothing up and loses nothing', async () => {
    const backend = await startBackend();
    const home = await createHome({
      exporters: { otlp: { ...backend.exporter, timeout: '1s' } },
      spool: { fsync: '50ms' },
    });
    const clock = join(home.directory, 'clock');
    const jump = (to: string) => writeFileSync(clock, to);
    jump('+0');
    const program = await startProgram(home, {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    let sent = 0;
    const send = async () => {
      await sendDatagrams(
        home.socket,
        Array.from({ length: 200 }, (_, i) => `<13>seq: datagram ${sent + i} .`),
      );
      sent += 200;
    };
    const arrived = () => missingOf(arrivedOf(backend.all(), 'datagram'), sent).length === 0;
    // Another answer each time: of repeats the log tells no time.
    const jumps = { '+1d': 503, '-3d': 502, '+30d': 504, '-1h': 429, '+0': 503 };
    for (const [to, status] of Object.entries(jumps)) {
      const failures = (page: Metrics) =>
        page.sum('eudaemon_exporter_failures_total', { reason: `http_${status}` });
      const before = failures(await program.metrics());
      backend.behave({ status }, 2);
      await send();
      await program.waitForMetrics('it is refused', page => failures(page) > before);
      jump(to);
      await until(`all arrive at ${to}`, arrived);
    }
    expect(new Set(program.output().match(/time=[\d-]+/g)).size).toBeGreaterThan(3);
    const page = await program.waitForMetrics(
      'all is delivered',
      metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
    );
    expect(ledgerGap(page, 'otlp')).toBe(0);
    expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
    expect(arrivedOf(backend.all(), 'datagram').duplicates).toBe(0);
    expect((await program.stop()).code).toBe(0);
  });
