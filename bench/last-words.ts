// What keeping the last records of daemons costs a flood: the flow with it and without it, in turns.
import { createMeter } from '../agent/core/meter.ts';
import { createOrigins, LogRecord, utf8 } from '../agent/core/record.ts';
import { createFlow } from '../agent/pipeline/flow.ts';
import { createLastWords } from '../agent/pipeline/last-words.ts';
import { createLedger } from '../agent/pipeline/ledger.ts';
import { printTable } from './table.ts';

const RECORDS = 400_000;
const ROUNDS = 15;
const DAEMONS = 20;

function flowOf(keeps: boolean) {
  const meter = createMeter(() => 0);
  const words = keeps ? { lastWords: createLastWords() } : {};
  const flow = createFlow({
    host: [],
    meter,
    ledger: createLedger(meter),
    outlet: { append: () => 1 },
    sealed() {},
    ...words,
  });
  const out = flow.attach('bench', { resume() {}, committed() {} });
  const origins = createOrigins();
  const record = new LogRecord();
  record.buf = utf8('x'.repeat(150));
  record.bodyEnd = record.buf.length;
  record.severity = 9;
  return () => {
    const began = process.cpuUsage();
    for (let i = 0; i < RECORDS; i++) {
      const name = `d${i % DAEMONS}`;
      record.origin = origins.of(name, name);
      record.observedSeconds = i;
      out.push(record);
    }
    flow.flush();
    const { user, system } = process.cpuUsage(began);
    return ((user + system) * 1000) / RECORDS;
  };
}

const sides = { with: flowOf(true), without: flowOf(false) };
const spent: Record<keyof typeof sides, number[]> = { with: [], without: [] };
for (let round = 0; round < ROUNDS; round++)
  for (const side of ['with', 'without'] as const) spent[side].push(sides[side]());
const median = (figures: number[]) => figures.sort((a, b) => a - b)[figures.length >> 1]!;
const [kept, plain] = [median(spent.with), median(spent.without)];
printTable(
  `flow, ${RECORDS} records of 150 bytes by ${DAEMONS} daemons`,
  ['last words', 'CPU ns a record', 'ratio'],
  [
    ['not kept', plain.toFixed(0), '1.00'],
    ['kept', kept.toFixed(0), (kept / plain).toFixed(2)],
  ],
);
process.exit(0);
