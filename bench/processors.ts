// What does a step cost a record? The same syslog record through the flow without processors, and through each of them.

import { loadConfig } from '../agent/config/index.ts';
import { createPatterns } from '../agent/config/patterns.ts';
import { encodeAttribute } from '../agent/core/attribute.ts';
import { createMeter } from '../agent/core/meter.ts';
import { createOrigins, LogRecord, SYSLOG_SEVERITY, utf8 } from '../agent/core/record.ts';
import { createFlow } from '../agent/pipeline/flow.ts';
import { createLedger } from '../agent/pipeline/ledger.ts';
import { createProcessors } from '../agent/pipeline/processors/index.ts';
import { collectors } from '../collectors/index.ts';
import { exporters } from '../exporters/index.ts';

const RECORDS = 3000;
const ROUNDS = 40;
const TEXT = `GET /index.html?x=1 HTTP/1.1 200 1234 "Mozilla/5.0 (X11; Linux x86_64)" ${'x'.repeat(40)}`;
const JSON_TEXT = `{"level":"info","msg":"payment done","status":200,"took":0.25,"path":"/pay","user":"u1"}`;
const CONSTANTS = [
  encodeAttribute('syslog.facility', 3),
  encodeAttribute('syslog.appname', 'nginx'),
  encodeAttribute('process.executable.name', 'nginx'),
];
const severity = SYSLOG_SEVERITY[6]!;
const origin = createOrigins().of('nginx', 'nginx');
const record = new LogRecord();

async function measure(steps: string, body: string): Promise<void> {
  const { processors: specs } = await loadConfig({
    collectors,
    exporters,
    file: 'bench.yaml',
    env: {},
    readFile: () => Buffer.from(`processors: [${steps}]`),
  });
  const meter = createMeter();
  const flow = createFlow({
    host: [],
    meter,
    ledger: createLedger(meter),
    outlet: { append: () => 1 },
    sealed() {},
  });
  const processors = createProcessors({
    flow,
    events: { emit() {} },
    patterns: createPatterns(),
    now: Date.now,
  });
  processors.apply(specs);
  const out = flow.attach('syslog', { resume() {}, committed() {} });
  const bytes = utf8(body);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    for (let i = 0; i < RECORDS; i++) {
      record.clear();
      record.origin = origin;
      record.buf = bytes;
      record.bodyStart = 0;
      record.bodyEnd = bytes.length;
      record.seconds = record.observedSeconds = 1_795_000_000 + i;
      record.severity = severity.number;
      record.severityText = severity.bytes;
      record.position = i;
      for (const each of CONSTANTS) record.attributes.fields(each);
      out.push(record);
    }
    times.push(((performance.now() - begin) * 1000) / RECORDS);
  }
  flow.flush();
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1]!;
  console.log(`${(steps || 'none').padEnd(70)} ${median.toFixed(2)} µs a record`);
}

for (const steps of [
  '',
  'drop: { severity: "<= debug" }',
  'drop: { daemon: other }',
  'drop: { body: "GET /healthz" }',
  'drop: { attributes: { syslog.appname: "^cron" } }',
  'redact: card',
  'redact: all',
  'redact: { patterns: ["ssn=([0-9]+)"] }',
  'add: { env: prod }',
  'remove: syslog.facility',
  'rate_limit: 1000000/s',
  'sample: 100%',
  'severity: body',
  'metric: { name: n, labels: { app: syslog.appname } }',
])
  await measure(steps === '' ? '' : `{ ${steps} }`, TEXT);
await measure('{ parse: json }', JSON_TEXT);
await measure('{ parse: json }, { redact: all }', JSON_TEXT);
