// An orderly end under load, and starts that must not touch what is there.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadNative } from '../../agent/native/index.ts';
import { startBackend } from '../e2e/backend.ts';
import { ledgerGap } from '../e2e/metrics.ts';
import { createHome, spawnProgram, startProgram } from '../e2e/program.ts';
import { sendDatagrams } from '../e2e/senders.ts';
import { until } from '../e2e/until.ts';
import { arrivedOf, missingOf, sendDatagramsOn } from './load.ts';

const native = loadNative();
if (native)
  it.each([
    { socket: 'its own', burst: 50 },
    // What the kernel takes between two lives waits there.
    { socket: 'a supervisor’s', burst: 30 },
  ])(
    'SIGTERM under load on $socket socket: what came in is delivered or queued, none of it twice',
    async ({ socket, burst }) => {
      const backend = await startBackend();
      const home = await createHome({
        agent: { shutdown_timeout: '3s' },
        exporters: { otlp: backend.exporter },
      });
      const passed = socket === 'its own' ? [] : [native.bindUnix(home.socket)];
      onTestFinished(() => passed.forEach(native.close));
      const run = () =>
        passed.length > 0
          ? spawnProgram(home, ['run', '--config', home.configFile], {}, passed)
          : startProgram(home);
      const load = sendDatagramsOn(home.socket, burst, 'x'.repeat(100));
      for (let life = 0; life < 4; life++) {
        const before = backend.all().length;
        const program = await run();
        await until('records arrive', () => backend.all().length > before + 500, { everyMs: 5 });
        // With a backend that is away in every second life the queue is not empty.
        if (life % 2 === 1) await backend.close();
        expect((await program.stop()).code).toBe(0);
        if (life % 2 === 1) await backend.open();
      }
      const sent = await load.stop();
      const last = await run();
      await sendDatagrams(home.socket, [`<13>seq: datagram ${sent} end`]);
      await backend.record(record => record.body === `datagram ${sent} end`);
      const page = await last.waitForMetrics(
        'all is delivered',
        metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
      );
      expect(ledgerGap(page, 'otlp')).toBe(0);
      const { numbers, duplicates } = arrivedOf(backend.all(), 'datagram');
      expect(missingOf({ numbers, duplicates }, sent)).toEqual([]);
      expect(duplicates).toBe(0);
    },
  );

/** Every file below a directory with its content. */
const contentOf = (directory: string) =>
  new Map(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name !== 'lock')
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'hex')]),
  );

it('a typo in the configuration, or a second agent, does not touch what waits', async () => {
  const backend = await startBackend();
  await backend.close();
  const config = { exporters: { otlp: backend.exporter } };
  const home = await createHome(config);
  const first = await startProgram(home);
  await sendDatagrams(
    home.socket,
    Array.from({ length: 100 }, (_, i) => `<13>seq: datagram ${i} .`),
  );
  await first.waitForMetrics(
    'all wait',
    page => page.value('eudaemon_spool_records', { exporter: 'otlp' }) === 100,
  );

  const other = await createHome({ agent: { state_dir: home.stateDir } });
  const second = spawnProgram(other, ['run', '--config', other.configFile]);
  expect((await second.ended).code).toBe(1);
  expect(second.output()).toContain(
    `cannot lock agent.state_dir "${home.stateDir}": in use by another eudaemon (pid ${first.pid})`,
  );
  first.signal('SIGKILL');
  await first.ended;

  const before = contentOf(home.stateDir);
  cpSync(home.configFile, `${home.configFile}.good`);
  for (const [from, to] of [
    ['otlp:', 'otpl:'],
    ['endpoint:', 'endpont:'],
    ['http://', 'htp//'],
  ] as const) {
    writeFileSync(home.configFile, readFileSync(`${home.configFile}.good`, 'utf8').replace(from, to));
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    expect([to, (await program.ended).code]).toEqual([to, 78]);
  }
  expect(contentOf(home.stateDir)).toEqual(before);

  await backend.open();
  cpSync(`${home.configFile}.good`, home.configFile);
  const last = await startProgram(home);
  await until('all arrive', () => missingOf(arrivedOf(backend.all(), 'datagram'), 100).length === 0);
  const page = await last.waitForMetrics(
    'all is delivered',
    metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
  );
  expect(page.sum('eudaemon_records_received_total', { source: 'recovered' })).toBe(100);
  expect(ledgerGap(page, 'otlp')).toBe(0);
});
