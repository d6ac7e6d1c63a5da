// A log that is larger than the spool, while the backend is away: it waits in its file, and nothing of it is given up.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram, tempDir } from './program.ts';
import { logger } from './senders.ts';
import { until } from './until.ts';

const LINES = 60_000;

if (have('logger'))
  it('a log larger than the spool loses nothing while the backend is away, and holds up nobody else', async () => {
    const file = join(tempDir('backlog'), 'app.log');
    writeFileSync(file, Array.from({ length: LINES }, (_, i) => `line ${i} ${'.'.repeat(200)}\n`).join(''));
    const backend = await startBackend();
    const home = await createHome({
      collectors: { files: [{ include: [file], start_at: 'beginning' }] },
      exporters: { otlp: backend.exporter },
      spool: { max_size: '8MiB' },
    });
    await backend.close();
    const program = await startProgram(home);
    const page = await program.waitForMetrics(
      'half of the spool is full',
      each => each.sum('eudaemon_spool_bytes') > 4 * 2 ** 20,
    );
    expect(page.sum('eudaemon_tail_lag_bytes')).toBeGreaterThan(0);
    await logger(home.socket, '-t', 'other', 'a message meanwhile');
    await backend.open();
    const arrived = () => backend.all().filter(({ body }) => String(body).startsWith('line '));
    await until('all lines arrive', () => arrived().length >= LINES, { timeoutMs: 60_000 });
    expect(new Set(arrived().map(({ body }) => body)).size).toBe(LINES);
    expect(arrived().length).toBe(LINES);
    await backend.record(({ body }) => body === 'a message meanwhile');
    const end = await program.metrics();
    expect(end.value('eudaemon_records_dropped_total', { reason: 'spool_full', exporter: 'otlp' })).toBe(0);
  });
