// kill -9 at random moments, under load: everything arrives, and duplicates bear the same name.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { loadNative } from '../../agent/native/index.ts';
import { startBackend } from '../e2e/backend.ts';
import { ledgerGap } from '../e2e/metrics.ts';
import { createHome, spawnProgram, tempDir } from '../e2e/program.ts';
import { until } from '../e2e/until.ts';
import { arrivedOf, missingOf, sendDatagramsOn, writeLinesOn } from './load.ts';

/** `LIVES=200 npm run test:e2e -- faults/kill` takes its time. */
const LIVES = Number(process.env['LIVES'] ?? 50);
/** Most lives end within so long, on a slow machine before they have begun. */
const LONGEST_MS = 1_000;

/** Numbers below 1, the same ones for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const native = loadNative();
if (native)
  it(
    `${LIVES} times, with the socket held by the supervisor, and a file that rotates`,
    async () => {
      const seed = Date.now() % 1e9;
      console.info(`seed ${seed}`);
      const next = random(seed);
      const backend = await startBackend();
      const logs = tempDir('logs');
      const home = await createHome({
        collectors: {
          files: [{ include: [join(logs, 'app.log*')], start_at: 'beginning' }],
          processes: false,
        },
        exporters: { otlp: backend.exporter },
      });
      const socket = native.bindUnix(home.socket);
      onTestFinished(() => native.close(socket));
      const datagrams = sendDatagramsOn(home.socket, 8);
      const lines = writeLinesOn(join(logs, 'app.log'), 8, 1_000);
      const run = () => spawnProgram(home, ['run', '--config', home.configFile], {}, [socket]);

      let slowest = 300;
      for (let life = 0; life < LIVES; life++) {
        const began = Date.now();
        const before = backend.all().length;
        const program = run();
        if (life % 5 === 0) {
          // Lives that get far enough to deliver tell how long that takes on this machine.
          await until('records arrive', () => backend.all().length > before, { everyMs: 10 });
          slowest = Date.now() - began;
          await pause(next() * 300);
        } else await pause(next() * Math.min(slowest * 1.5, LONGEST_MS));
        program.signal('SIGKILL');
        await program.ended;
      }
      const last = run();
      const sent = [await datagrams.stop(), await lines.stop()] as const;
      const arrived = () => ['datagram', 'line'].map(word => arrivedOf(backend.all(), word));
      try {
        await until('all arrive', () => arrived().every(({ numbers }, i) => numbers.length >= sent[i]!), {
          timeoutMs: 150_000,
          everyMs: 1_000,
        });
      } catch (error) {
        const missing = arrived().map((each, i) => `${missingOf(each, sent[i]!)} of ${sent[i]}`);
        throw new Error(`missing: ${missing.join('; ')}\n${last.output()}`, { cause: error });
      }
      console.info(`sent ${sent}, duplicates ${arrived().map(({ duplicates }) => duplicates)}`);
      const page = await last.waitForMetrics(
        'all is delivered',
        metrics => metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0,
      );
      expect(ledgerGap(page, 'otlp')).toBe(0);
      expect(page.value('eudaemon_ledger_gap_records', { exporter: 'otlp' })).toBe(0);
      expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
      expect(page.sum('eudaemon_records_lost_estimate_total')).toBe(0);
      expect((await last.stop()).code).toBe(0);
    },
    200_000 + LIVES * 4_000,
  );
