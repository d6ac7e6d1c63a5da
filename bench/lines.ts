// What does a line of a log file cost from the buffer it was read into to the sealed batch, without the disk and the network?
// CPU of this process, for lines that are not parsed and for JSON whose values change from line to line.
//   node bench/lines.ts [--rounds 15]

import { parseArgs } from 'node:util';
import { createPatterns } from '../agent/config/patterns.ts';
import type { RecordSink, StreamRoom } from '../agent/core/collector.ts';
import type { LineFormat } from '../agent/core/daemon.ts';
import { createOrigins } from '../agent/core/record.ts';
import { createBatch } from '../agent/pipeline/batch.ts';
import { readText } from '../collectors/files/text.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const rounds = Number(values.rounds);
/** Lines of a round. */
const LINES = 100_000;
const BEGIN = Date.UTC(2026, 10, 22, 17);

const plain = () =>
  '2026-11-22T17:00:00.123Z INFO worker[4711]: request served in 12 ms for 10.20.30.40, status 200, 5120 bytes'.padEnd(
    157,
    '.',
  );
const json = (i: number) =>
  JSON.stringify({
    time: new Date(BEGIN + i * 7).toISOString(),
    level: i % 10 > 0 ? 'info' : 'warn',
    msg: 'request served',
    worker: { name: `worker-${i % 10}`, pid: 4711 },
    client: '10.20.30.40',
    path: `/api/v1/orders/${i}`,
    status: i % 20 > 0 ? 200 : 404,
    bytes: (i * 37) % 100_000,
    ms: ((i * 13) % 1000) / 10,
    id: 'a81bc81b-dead-4e5d-abff-90865d1e13b1',
  });

const none = { declared: [], byFile: () => undefined };
const room = {
  name: 'files',
  root: '/',
  daemons: none,
  origins: createOrigins(),
  patterns: createPatterns(),
  now: () => BEGIN,
} as unknown as StreamRoom;

function measure(name: string, parse: LineFormat, line: (i: number) => string): void {
  const text = Buffer.from(Array.from({ length: LINES }, (_, i) => `${line(i)}\n`).join(''));
  const batch = createBatch([['host.name', 'bench']]);
  const out = {
    push(record) {
      batch.add(record);
      if (batch.bytes >= 2 ** 20) batch.seal();
      return true;
    },
  } as RecordSink;
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    readText(text, { path: '/var/log/app.log', parse }, [], room, out);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / LINES);
  }
  const [least] = times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(8)} ${least!.toFixed(2)} µs CPU a line, ${times[rounds >> 1]!.toFixed(2)} in the median`,
  );
}

measure('plain', 'none', plain);
measure('json', 'json', json);
