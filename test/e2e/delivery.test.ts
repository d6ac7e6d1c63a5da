// Nothing accepted is lost: backends that go away, agents that are killed, disks that are full; the ledger tells all.
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Head } from '../../agent/native/ring-memory.ts';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { ledgerGap } from './metrics.ts';
import { createHome, spawnProgram, startProgram, tempDir } from './program.ts';
import { runToEnd, sendDatagrams, sendUntilRefused } from './senders.ts';
import { until } from './until.ts';

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `<13>seq: number ${from + i}`);
const bodies = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `number ${from + i}`);

/** The words at the beginning of a ring file. */
function headOf(ring: string): Uint32Array {
  const words = new Uint32Array(32);
  const fd = openSync(ring, 'r');
  readSync(fd, words);
  closeSync(fd);
  return words;
}

describe('a backend that goes away', () => {
  it('gets everything once when it is back', async () => {
    const backend = await startBackend();
    const program = await startProgram(await createHome({ exporters: { otlp: backend.exporter } }));
    const { socket } = program.home;
    await sendDatagrams(socket, numbered(500));
    await until('the first half arrives', () => backend.bodies().length === 500);

    await backend.close();
    await sendDatagrams(socket, numbered(500, 500));
    const waiting = await program.waitForMetrics(
      'the second half waits in the spool',
      page => page.value('eudaemon_spool_records', { exporter: 'otlp' }) === 500,
    );
    expect(ledgerGap(waiting, 'otlp')).toBe(0);
    expect(waiting.sum('eudaemon_records_dropped_total')).toBe(0);

    await backend.open();
    await until('the second half arrives', () => backend.bodies().length >= 1_000, { timeoutMs: 60_000 });
    expect(backend.bodies()).toEqual(bodies(1_000));
    const after = await program.waitForMetrics(
      'the spool is empty',
      page => page.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
    );
    expect(ledgerGap(after, 'otlp')).toBe(0);
    expect(after.value('eudaemon_exporter_up', { exporter: 'otlp' })).toBe(1);
    expect((await program.stop()).code).toBe(0);
  });

  const unwilling = async (status: number) => {
    const backend = await startBackend();
    backend.behave({ status }, 3);
    const program = await startProgram(await createHome({ exporters: { otlp: backend.exporter } }));
    await sendDatagrams(program.home.socket, numbered(100));
    await until('all arrive', () => backend.bodies().length >= 100, { timeoutMs: 60_000 });
    expect(backend.bodies()).toEqual(bodies(100));
    const page = await program.waitForMetrics(
      'each refusal is counted',
      metrics =>
        metrics.value('eudaemon_exporter_failures_total', { exporter: 'otlp', reason: `http_${status}` }) ===
        3,
    );
    expect(page.value('eudaemon_exporter_retries_total', { exporter: 'otlp' })).toBeGreaterThan(0);
    expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
  };
  it('gets everything once after answering 429, 502, 503 or 504', async () => {
    await Promise.all([429, 502, 503, 504].map(unwilling));
  });

  it('that refuses for good is not asked again; what it refused is counted, and kept with the reason', async () => {
    const backend = await startBackend();
    backend.behave({ status: 400, body: 'no such tenant', headers: { 'content-type': 'text/plain' } }, 1);
    const program = await startProgram(await createHome({ exporters: { otlp: backend.exporter } }));
    await sendDatagrams(program.home.socket, ['<13>seq: unwanted']);
    const page = await program.waitForMetrics(
      'the refusal is counted',
      metrics => metrics.sum('eudaemon_records_dropped_total', { exporter: 'otlp' }) === 1,
    );
    expect(ledgerGap(page, 'otlp')).toBe(0);
    await sendDatagrams(program.home.socket, ['<13>seq: wanted']);
    await backend.record(each => each.body === 'wanted');
    expect(backend.bodies()).toEqual(['wanted']);
    const shown = spawnProgram(program.home, ['logs', '--dead-letter', '-c', program.home.configFile]);
    expect((await shown.ended).code).toBe(0);
    expect(shown.output()).toMatch(/ seq(\[\d+\])? notice: unwanted \[otlp: HTTP 400: no such tenant\]\n$/);
  });
});

it('a backend away for longer than the spool reaches: the oldest go, and the ledger says how many', async () => {
  const backend = await startBackend();
  await backend.close();
  const home = await createHome({
    exporters: { otlp: backend.exporter },
    spool: { max_size: '4MiB', when_full: 'drop_oldest' },
  });
  const program = await startProgram(home);
  const text = 'z'.repeat(1_000);
  const flood = Array.from({ length: 10_000 }, (_, i) => `<13>seq: ${i} ${text}`);
  await sendDatagrams(home.socket, flood);
  const full = await program.waitForMetrics(
    'all are received',
    page => page.sum('eudaemon_records_received_total', { source: 'syslog' }) === flood.length,
  );
  const dropped = full.sum('eudaemon_records_dropped_total', { reason: 'spool_full', exporter: 'otlp' });
  expect(dropped).toBeGreaterThan(1_000);
  expect(ledgerGap(full, 'otlp')).toBe(0);

  await backend.open();
  await until('the rest arrives', () => backend.bodies().length >= flood.length - dropped, {
    timeoutMs: 60_000,
  });
  const arrived = backend.bodies().map(body => Number(body.split(' ')[0]));
  expect(new Set(arrived).size).toBe(flood.length - dropped);
  expect(arrived).toHaveLength(flood.length - dropped);
  // What was under way when the spool ran full is the oldest, and arrives; the newest are all there.
  expect(arrived.slice(-2_000)).toEqual(Array.from({ length: 2_000 }, (_, i) => 8_000 + i));
});

describe('kill -9', () => {
  it('loses nothing that was received while the backend was away', async () => {
    const backend = await startBackend();
    await backend.close();
    const home = await createHome({ exporters: { otlp: backend.exporter } });
    const first = await startProgram(home);
    await sendDatagrams(home.socket, numbered(2_000));
    await first.waitForMetrics(
      'all are received',
      page => page.sum('eudaemon_records_received_total', { source: 'syslog' }) === 2_000,
    );
    first.signal('SIGKILL');
    await first.ended;

    await backend.open();
    const second = await startProgram(home);
    await until('all arrive', () => new Set(backend.bodies()).size >= 2_000, { timeoutMs: 60_000 });
    expect(new Set(backend.bodies())).toEqual(new Set(bodies(2_000)));
    const page = await second.waitForMetrics(
      'the spool is empty',
      metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
    );
    expect(ledgerGap(page, 'otlp')).toBe(0);
    expect((await second.stop()).code).toBe(0);
  });

  it.each([
    { stream: 'carried', least: 0 },
    { stream: 'shed', least: 1_000 },
  ])(
    'while a stream is $stream loses exactly what the kernel still held, and what is counted as shed',
    async ({ least }) => {
      const limit = () => Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8'));
      const before = limit();
      const backend = await startBackend();
      const home = await createHome({
        collectors: { syslog: { ring: '1MiB' } },
        exporters: { otlp: backend.exporter },
      });
      const ring = join(home.runDir, 'syslog.ring');
      const stall = join(home.directory, 'stall');
      const first = await startProgram(home, { EUDAEMON_DEBUG_STALL: stall });
      // Its socket has the one or the other, if somebody changes it meanwhile.
      const queue = Math.max(before, limit());
      const sender = sendUntilRefused(home.socket);
      await until('the stream flows', () => backend.bodies().length > 1_000);
      if (least > 0) writeFileSync(stall, '');
      await until('it is shed', () => headOf(ring)[Head.Shed]! >= least);
      first.signal('SIGKILL');
      await first.ended;
      const sent = await sender;
      const counted = headOf(ring)[Head.ShedTold]!;

      const second = await startProgram(home);
      await sendDatagrams(home.socket, ['<13>seq: the end']);
      await backend.record(each => each.body === 'the end');
      const page = await second.waitForMetrics(
        'all is delivered',
        metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
      );
      const shed = counted + page.sum('eudaemon_records_dropped_total', { reason: 'ring_full' });
      const arrived = [...new Set(backend.bodies())].filter(body => body.startsWith('number'));
      // The kernel hands over in order: what had left its queue is a beginning of what was sent.
      const received = arrived.length + shed;
      expect(shed).toBeGreaterThanOrEqual(least);
      expect(received).toBeLessThanOrEqual(sent);
      expect(received).toBeGreaterThanOrEqual(sent - queue - 1);
      expect(arrived.findIndex(body => Number(body.split(' ')[1]) >= received)).toBe(-1);
      if (shed === 0) expect(arrived).toEqual(bodies(received));
      expect((await second.stop()).code).toBe(0);
    },
  );

  it('loses no line of a file that is written and rotated meanwhile', async () => {
    const backend = await startBackend();
    const logs = tempDir('logs');
    const file = join(logs, 'app.log');
    const lines = (from: number) => `${bodies(3_000, from).join('\n')}\n`;
    writeFileSync(file, lines(0));
    const home = await createHome({
      collectors: { files: [{ include: [join(logs, '*.log')], start_at: 'beginning' }] },
      exporters: { otlp: backend.exporter },
    });
    const first = await startProgram(home);
    await until('the first lines arrive', () => backend.bodies().length >= 1_000);
    appendFileSync(file, lines(3_000));
    first.signal('SIGKILL');
    await first.ended;
    renameSync(file, `${file}.1`);
    writeFileSync(file, lines(6_000));

    const second = await startProgram(home);
    await until('all lines arrive', () => new Set(backend.bodies()).size >= 9_000, { timeoutMs: 60_000 });
    expect(new Set(backend.bodies())).toEqual(new Set(bodies(9_000)));
    const page = await second.waitForMetrics('all is delivered', metrics => ledgerGap(metrics, 'otlp') === 0);
    expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
  });
});

it('a line of 10 MB arrives with every byte, in parts if need be', async () => {
  const backend = await startBackend();
  const logs = tempDir('logs');
  writeFileSync(join(logs, 'app.log'), `${'y'.repeat(10_000_000)}\nshort\n`);
  const program = await startProgram(
    await createHome({
      collectors: { files: [{ include: [join(logs, '*.log')], start_at: 'beginning' }] },
      exporters: { otlp: backend.exporter },
    }),
  );
  await backend.record(each => each.body === 'short');
  const long = backend.bodies().filter(body => body.startsWith('y'));
  expect(long.reduce((sum, body) => sum + body.length, 0)).toBe(10_000_000);
  expect((await program.stop()).code).toBe(0);
});

if (have('root', 'mount'))
  it('a full disk under state_dir is told, and the agent goes on', async () => {
    const backend = await startBackend();
    await backend.close();
    const state = join(tempDir('small'), 'state');
    mkdirSync(state);
    await runToEnd('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', state]);
    onTestFinished(async () => void (await runToEnd('umount', ['-l', state])));
    const home = await createHome({
      agent: { state_dir: state },
      exporters: { otlp: backend.exporter },
      spool: { max_size: '1GiB', min_free: '0B', when_full: 'drop_oldest' },
    });
    const program = await startProgram(home);
    writeFileSync(join(state, 'filler'), Buffer.alloc(17 * 2 ** 20));

    const text = 'z'.repeat(1_000);
    const flood = Array.from({ length: 8_000 }, (_, i) => `<13>seq: ${i} ${text}`);
    await sendDatagrams(home.socket, flood);
    await until('the agent says it', () => /no space left on device/.test(program.output()));
    const reason = await until('/readyz is red', async () => {
      const response = await fetch(`${home.url}/readyz`);
      return response.status === 503 && response.text();
    });
    expect(reason).toContain('no space left on device');
    expect((await fetch(`${home.url}/livez`)).status).toBe(200);

    writeFileSync(join(state, 'filler'), '');
    await backend.open();
    await sendDatagrams(home.socket, ['<13>seq: room again']);
    await backend.record(each => each.body === 'room again', 60_000);
    const page = await program.waitForMetrics(
      'the ledger balances',
      metrics =>
        metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0 &&
        ledgerGap(metrics, 'otlp') === 0,
    );
    expect(page.sum('eudaemon_records_received_total', { source: 'syslog' })).toBe(flood.length + 1);
    expect((await program.stop()).code).toBe(0);
  });
