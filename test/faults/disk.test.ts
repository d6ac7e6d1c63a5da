// Disks that run full, lose bits, turn read-only or go away under the running agent.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { ledgerGap, type Metrics } from '../e2e/metrics.ts';
import { createHome, spawnProgram, startProgram, tempDir } from '../e2e/program.ts';
import { runToEnd, sendDatagrams } from '../e2e/senders.ts';
import { until } from '../e2e/until.ts';
import { have } from '../tools.ts';
import { arrivedOf, missingOf, sendDatagramsOn } from './load.ts';

const waiting = (page: Metrics) => page.value('eudaemon_spool_records', { exporter: 'otlp' }) ?? -1;
const datagrams = (from: number, count: number, text = '.') =>
  Array.from({ length: count }, (_, i) => `<13>seq: datagram ${from + i} ${text}`);
/** A file system of its own that is gone when the test ends. */
async function smallDisk(size: string): Promise<string> {
  const state = join(tempDir('small'), 'state');
  mkdirSync(state);
  await runToEnd('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', state]);
  onTestFinished(async () => void (await runToEnd('umount', ['-l', state])));
  return state;
}
const spoolBytes = (state: string) =>
  readdirSync(join(state, 'spool'))
    .filter(name => name.endsWith('.seg'))
    .reduce((sum, name) => sum + statSync(join(state, 'spool', name)).size, 0);

if (have('root', 'mount'))
  describe('a state_dir of 20 MB', () => {
    const TEXT = 'z'.repeat(1_000);

    it('drop_oldest: the newest are kept, the ledger says how many went, and the disk is given back', async () => {
      const backend = await startBackend();
      await backend.close();
      const state = await smallDisk('20m');
      const home = await createHome({ agent: { state_dir: state }, exporters: { otlp: backend.exporter } });
      const program = await startProgram(home);
      const load = sendDatagramsOn(home.socket, 60, TEXT);
      await program.waitForMetrics(
        'more is received than the disk holds',
        page => page.sum('eudaemon_records_received_total', { source: 'syslog' }) > 30_000,
        60_000,
      );
      const sent = await load.stop();
      const page = await program.waitForMetrics(
        'all are received',
        metrics => metrics.sum('eudaemon_records_received_total', { source: 'syslog' }) === sent,
      );
      const dropped = page.sum('eudaemon_records_dropped_total', { exporter: 'otlp', reason: 'disk_full' });
      expect(dropped).toBeGreaterThan(5_000);
      expect(dropped + waiting(page)).toBe(sent);
      expect(ledgerGap(page, 'otlp')).toBe(0);
      expect(spoolBytes(state)).toBeLessThan(19.5 * 2 ** 20);
      const readyz = await fetch(`${home.url}/readyz`);
      expect([readyz.status, await readyz.text()]).toEqual([503, expect.stringContaining('spool')]);

      await backend.open();
      await program.waitForMetrics(
        'all that was kept is delivered',
        metrics => waiting(metrics) === 0,
        60_000,
      );
      const { numbers, duplicates } = arrivedOf(backend.all(), 'datagram');
      expect([numbers.length, duplicates]).toEqual([sent - dropped, 0]);
      expect(numbers.slice(-5_000)).toEqual(Array.from({ length: 5_000 }, (_, i) => sent - 5_000 + i));
      expect(spoolBytes(state)).toBeLessThan(300_000);
      await until('/readyz is green', async () => (await fetch(`${home.url}/readyz`)).ok);
      expect((await program.stop()).code).toBe(0);
    });

    it('block: files wait, and every line arrives', async () => {
      const backend = await startBackend();
      await backend.close();
      const logs = tempDir('logs');
      const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${TEXT}\n`);
      writeFileSync(join(logs, 'app.log'), lines.join(''));
      const state = await smallDisk('20m');
      const home = await createHome({
        agent: { state_dir: state },
        collectors: { files: [{ include: [join(logs, '*.log')], start_at: 'beginning' }] },
        exporters: { otlp: backend.exporter },
        spool: { when_full: 'block', fsync: '100ms' },
      });
      const program = spawnProgram(home, ['run', '--config', home.configFile]);
      await until('/readyz is red', async () => (await fetch(`${home.url}/readyz`)).status === 503);
      program.signal('SIGKILL');
      await program.ended;
      await backend.open();
      const second = await startProgram(home);
      await until(
        'all lines arrive',
        () => missingOf(arrivedOf(backend.all(), 'line'), lines.length).length === 0,
        { timeoutMs: 60_000, everyMs: 500 },
      );
      const page = await second.waitForMetrics('all is delivered', metrics => waiting(metrics) === 0);
      expect(ledgerGap(page, 'otlp')).toBe(0);
      expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
    });

    it('a run_dir that is small has a small ring, and one that is too small is left as it was', async () => {
      const backend = await startBackend();
      const run = await smallDisk('8m');
      const home = await createHome({
        agent: { run_dir: run },
        exporters: { otlp: backend.exporter },
      });
      const program = await startProgram(home);
      await sendDatagrams(home.socket, datagrams(0, 100));
      await until('all arrive', () => arrivedOf(backend.all(), 'datagram').numbers.length === 100);
      expect(program.output()).toContain(`no room in \\"${run}\\" for a syslog ring`);
      expect((await program.stop()).code).toBe(0);

      await runToEnd('mount', ['-o', 'remount,size=2m', run]);
      const other = spawnProgram(home, ['run', '--config', home.configFile]);
      await until('/readyz says so', async () =>
        (await (await fetch(`${home.url}/readyz`)).text()).includes('cannot open syslog ring'),
      );
      expect(statSync(join(run, 'syslog.ring')).size).toBe(0);
      expect((await other.stop()).code).toBeLessThan(2);
    });

    it.each([
      [
        'full',
        (state: string) => runToEnd('sh', ['-c', `cat /dev/zero > ${state}/fill 2> /dev/null || true`]),
      ],
      ['read-only', (state: string) => runToEnd('mount', ['-o', 'remount,ro', state])],
    ])('%s before the start: the agent goes on in memory', async (_, break_) => {
      const backend = await startBackend();
      const logs = tempDir('logs');
      writeFileSync(join(logs, 'app.log'), Array.from({ length: 100 }, (_, i) => `line ${i} .\n`).join(''));
      const state = await smallDisk('64k');
      await break_(state);
      const home = await createHome({
        agent: { state_dir: state },
        collectors: { files: [{ include: [join(logs, '*.log')], start_at: 'beginning' }] },
        exporters: { otlp: backend.exporter },
      });
      const program = spawnProgram(home, ['run', '--config', home.configFile]);
      await until('its socket is there', () => existsSync(home.socket));
      await sendDatagrams(home.socket, datagrams(0, 100));
      await until('all arrive', () =>
        ['line', 'datagram'].every(kind => arrivedOf(backend.all(), kind).numbers.length === 100),
      );
      expect(program.output()).toMatch(/cannot (?:write lock|lock agent.state_dir)/);
      expect((await program.stop()).code).toBeLessThan(2);
    });

    it.each([
      ['block', 8_000],
      ['drop_oldest', 3_000],
    ])(
      'full, %s: what a receiver takes while the agent stops does not come again',
      async (whenFull, count) => {
        const backend = await startBackend();
        // Longer than a collector waits for the rest of what it received.
        backend.behave({ status: 503, headers: { 'retry-after': '4' } });
        const state = await smallDisk('64k');
        await runToEnd('sh', ['-c', `cat /dev/zero > ${state}/fill 2> /dev/null || true`]);
        const home = await createHome({
          agent: { state_dir: state },
          exporters: { otlp: backend.exporter },
          spool: { when_full: whenFull },
        });
        const program = spawnProgram(home, ['run', '--config', home.configFile]);
        await until('its socket is there', () => existsSync(home.socket));
        await sendDatagrams(home.socket, datagrams(0, count, TEXT));
        await program.waitForMetrics('they wait in memory', page => waiting(page) >= 3_000);
        program.signal('SIGTERM');
        await until('it listens no more', () => !existsSync(home.socket), { everyMs: 5 });
        backend.behave({});
        await program.ended;
        const numbers = () => arrivedOf(backend.all(), 'datagram').numbers.length;
        expect(numbers()).toBeGreaterThan(0);

        const next = spawnProgram(home, ['run', '--config', home.configFile]);
        await until('it listens again', () => existsSync(home.socket));
        await sendDatagrams(home.socket, datagrams(count, 1));
        await until('all arrive', () => numbers() === count + 1);
        expect((await next.stop()).code).toBeLessThan(2);
        expect(arrivedOf(backend.all(), 'datagram').duplicates).toBe(0);
      },
    );

    it('read-only for a while: records flow, and /readyz says what is wrong', async () => {
      const backend = await startBackend();
      const state = await smallDisk('20m');
      const home = await createHome({ agent: { state_dir: state }, exporters: { otlp: backend.exporter } });
      const program = await startProgram(home);
      await sendDatagrams(home.socket, datagrams(0, 100));
      await until('the first arrive', () => arrivedOf(backend.all(), 'datagram').numbers.length === 100);
      // Files that are open for writing do not keep it from turning read-only here.
      await runToEnd('mount', ['--bind', state, state]);
      onTestFinished(async () => void (await runToEnd('umount', ['-l', state]).catch(() => {})));
      await runToEnd('mount', ['-o', 'remount,bind,ro', state]);
      await sendDatagrams(home.socket, datagrams(100, 100));
      await until('the next arrive', () => arrivedOf(backend.all(), 'datagram').numbers.length === 200);
      await runToEnd('mount', ['-o', 'remount,bind,rw', state]);
      await sendDatagrams(home.socket, datagrams(200, 100));
      await until('the last arrive', () => arrivedOf(backend.all(), 'datagram').numbers.length === 300);
      const page = await program.waitForMetrics('all is delivered', metrics => waiting(metrics) === 0);
      expect(ledgerGap(page, 'otlp')).toBe(0);
      await until('/readyz is green', async () => (await fetch(`${home.url}/readyz`)).ok);
      expect((await program.stop()).code).toBe(0);
    });
  });

/** An agent that was killed with five batches of 100 records in its spool, all of them synced. */
async function killedWithBacklog() {
  const backend = await startBackend();
  await backend.close();
  const home = await createHome({ exporters: { otlp: backend.exporter }, spool: { fsync: '50ms' } });
  const program = await startProgram(home);
  for (let n = 100; n <= 500; n += 100) {
    await sendDatagrams(home.socket, datagrams(n - 100, 100));
    await program.waitForMetrics('they are in the spool', page => waiting(page) === n);
  }
  const spool = join(home.stateDir, 'spool');
  const segment = join(spool, readdirSync(spool).find(name => name.endsWith('.seg'))!);
  await until('it is safe', () => {
    const { end } = JSON.parse(readFileSync(join(spool, 'cursor-otlp.json'), 'utf8'));
    return end.offset === statSync(segment).size;
  });
  program.signal('SIGKILL');
  await program.ended;
  return { backend, home, segment, spool };
}

describe('a segment', () => {
  it.each([
    [
      'with flipped bits',
      (file: string) => {
        const bytes = readFileSync(file);
        for (const part of [0.3, 0.7]) bytes[Math.floor(bytes.length * part)]! ^= 1;
        writeFileSync(file, bytes);
      },
    ],
    ['that was cut off', (file: string) => truncateSync(file, Math.floor(statSync(file).size * 0.55))],
    [
      'of zeroes at its end',
      (file: string) => {
        const bytes = readFileSync(file);
        writeFileSync(file, bytes.fill(0, Math.floor(bytes.length / 2)));
      },
    ],
  ])('%s costs what it hit, and that is told', async (_, damage) => {
    const { backend, home, segment, spool } = await killedWithBacklog();
    damage(segment);
    await backend.open();
    const program = await startProgram(home);
    const page = await program.waitForMetrics('what is left is delivered', metrics => waiting(metrics) === 0);
    const event = await backend.record(record => record.eventName === 'eudaemon.records.lost');
    expect(event.attributes['log.record.uid']).toMatch(/^[0-9a-f]{32}$/);
    const { numbers, duplicates } = arrivedOf(backend.all(), 'datagram');
    const missing = 500 - numbers.length;
    expect(missing).toBeGreaterThan(0);
    expect(missing).toBeLessThan(400);
    expect(duplicates).toBe(0);
    const estimate = page.sum('eudaemon_records_lost_estimate_total', { source: 'spool' });
    expect(Math.abs(estimate - missing)).toBeLessThan(150);
    expect(page.sum('eudaemon_records_received_total', { source: 'recovered' })).toBe(numbers.length);
    expect(ledgerGap(page, 'otlp')).toBe(0);
    expect(readdirSync(join(spool, 'damaged')).length).toBeGreaterThan(0);
    expect((await program.stop()).code).toBe(0);
  });
});

it('a state_dir that is removed under the running agent is made again, with what waits', async () => {
  const backend = await startBackend();
  await backend.close();
  const home = await createHome({ exporters: { otlp: backend.exporter }, spool: { fsync: '50ms' } });
  const program = await startProgram(home);
  await sendDatagrams(home.socket, datagrams(0, 300));
  await program.waitForMetrics('they are in the spool', page => waiting(page) === 300);
  renameSync(home.stateDir, `${home.stateDir}.gone`);
  await until('it is there again', () => readdirSync(join(home.stateDir, 'spool')).length >= 2);
  await sendDatagrams(home.socket, datagrams(300, 300));
  await program.waitForMetrics('they are in the spool, too', page => waiting(page) === 600);
  program.signal('SIGKILL');
  await program.ended;
  await backend.open();
  const second = await startProgram(home);
  await until('all arrive', () => missingOf(arrivedOf(backend.all(), 'datagram'), 600).length === 0);
  const page = await second.waitForMetrics('all is delivered', metrics => waiting(metrics) === 0);
  expect(ledgerGap(page, 'otlp')).toBe(0);
  expect((await second.stop()).code).toBe(0);
});
