// The record street from its streams to the spool: what a stream hears before it is gone, and how the street ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createPatterns } from '../../agent/config/patterns.ts';
import type { CollectorEntry, RecordSink } from '../../agent/core/collector.ts';
import type { ExporterEntry, LogExporter } from '../../agent/core/exporter.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { createOrigins, LogRecord, utf8 } from '../../agent/core/record.ts';
import { createData, type DataConfig } from '../../agent/pipeline/data.ts';

const log = { debug() {}, info() {}, warn() {}, error() {}, room: () => log };
const any = {} as CollectorEntry['options'];

function start() {
  const dir = mkdtempSync(join(tmpdir(), 'eudaemon-data-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const heard: string[] = [];
  let out: RecordSink | undefined;
  const stream = {
    open: async (sink: RecordSink) => {
      out = sink;
    },
    resume() {},
    committed: (written: number, synced: number) => {
      heard.push(`${written} written, ${synced} synced`);
    },
    faults: () => [],
    tick: () => {
      heard.push('tick of the stream');
    },
    close: async () => {
      heard.push('close');
    },
  };
  const exporter: LogExporter = {
    concurrency: 1,
    deliver: async () => ({ rejected: 0 }),
    tick: () => {
      heard.push('tick of the exporter');
    },
    close: async () => {},
  };
  const collectors: CollectorEntry[] = [
    {
      name: 'files',
      thread: 'data',
      byDefault: true,
      options: any,
      load: async () => ({ create: () => stream }),
    },
  ];
  const exporters: ExporterEntry[] = [
    {
      name: 'otlp',
      options: any,
      logs: async () => exporter,
    },
  ];
  const config = {
    agent: { state_dir: dir, run_dir: dir, host_root: '/' },
    daemons: [],
    collectors: { files: [] } as Record<string, unknown>,
    exporters: { otlp: {} },
    processors: [],
    spool: { max_size: 2 ** 20, when_full: 'block', fsync: 3_600_000 },
  } satisfies DataConfig;
  const data = createData<DataConfig>({
    collectors,
    exporters,
    host: [],
    log,
    meter: createMeter(),
    now: Date.now,
    patterns: createPatterns(),
    daemons: {
      declared: [],
      declare() {},
      ofProcess: () => undefined,
      ofPid: () => undefined,
      ofIdentifier: () => undefined,
      ofFile: () => undefined,
    },
    spoolDir: join(dir, 'spool'),
  });
  const push = (text: string) => {
    const record = new LogRecord();
    record.origin = createOrigins().of('app', undefined);
    record.buf = utf8(text);
    record.bodyEnd = record.buf.length;
    out!.push(record);
  };
  return { data, config, heard, push };
}

it.each([
  ['stops', async () => {}],
  [
    'goes on without the collector',
    ({ data, config }: ReturnType<typeof start>) => data.apply({ ...config, collectors: { files: false } }),
  ],
])('a stream hears that all of its records are safe when the street %s', async (_, end) => {
  const street = start();
  await street.data.apply(street.config);
  street.push('one');
  street.push('two');
  await end(street);
  expect(await street.data.stop(1000)).toBe(true);
  expect(street.heard[0]).toBe('close');
  expect(street.heard.at(-1)).toBe('2 written, 2 synced');
});

it('one tick is one for all that run, and for none that is closed', async () => {
  const { data, config, heard } = start();
  await data.apply(config);
  data.tick();
  expect(heard).toEqual(['tick of the stream', 'tick of the exporter']);
  const stopping = data.stop(1000);
  data.tick();
  await stopping;
  data.tick();
  expect(heard.filter(each => each === 'tick of the stream')).toHaveLength(1);
});
