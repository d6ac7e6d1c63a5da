// What does a local syslog message cost? The agent (socket → ring → spool → OTLP) beside rsyslog (socket → file), Fluent
// Bit and the OpenTelemetry Collector (socket → OTLP) where FLUENT_BIT= and OTELCOL= name one, and the kernel's floor.
// Figures are for each message that arrived; the agent sheds what comes faster than it can carry, the others hold the
// sender back.
//   node bench/syslog.ts [--messages 2000000] [--bytes 150] [--rate PER_SECOND] [--qlen 512,10] [--only eudaemon,rsyslog]

import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { type Cpu, cpuOf, memoryOf, type Program, start, startOwn, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const QLEN = '/proc/sys/net/unix/max_dgram_qlen';
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000000' },
    bytes: { type: 'string', default: '150' },
    qlen: { type: 'string', default: '512,10' },
    rate: { type: 'string' },
    only: { type: 'string' },
  },
});
const messages = Number(values.messages);
/** Sent before the measurement, so that every program is warm. */
const warm = Math.min(messages, 400_000);

interface Arrivals {
  readonly count: number;
  /** When the last one came, Unix ms. */
  readonly last: number;
}

interface Receiver {
  readonly program: Program;
  /** Messages that have come out at the other end since its start. */
  arrivals(): Arrivals | Promise<Arrivals>;
  stop(): Promise<void>;
}

/** Something that sends OTLP to a sink of its own. */
async function intoSink(begin: (port: string) => Program | Promise<Program>): Promise<Receiver> {
  const sink = startOwn('sink.ts');
  const port = await sink.line();
  const program = await begin(port);
  return {
    program,
    async arrivals() {
      const answer = await fetch(`http://127.0.0.1:${port}`);
      const { records, last } = (await answer.json()) as { records: number; last: number };
      return { count: records, last };
    },
    async stop() {
      await program.stop();
      await sink.stop();
    },
  };
}

/** Lines of a file, counted as it grows. */
function countLines(file: string): () => Arrivals {
  const chunk = Buffer.alloc(1 << 20);
  let count = 0;
  let offset = 0;
  return () => {
    if (!existsSync(file)) return { count: 0, last: 0 };
    const fd = openSync(file, 'r');
    const { size, mtimeMs } = fstatSync(fd);
    while (offset < size) {
      const read = chunk.subarray(0, readSync(fd, chunk, 0, chunk.length, offset));
      for (let at = read.indexOf(10); at >= 0; at = read.indexOf(10, at + 1)) count++;
      offset += read.length;
    }
    closeSync(fd);
    return { count, last: mtimeMs };
  };
}

const receivers: Record<string, (socket: string, dir: string) => Promise<Receiver> | Receiver> = {
  'floor (recvmmsg only)': socket => {
    const program = startOwn('floor.ts', socket, `${warm}`, `${warm + messages}`);
    let told: Arrivals = { count: 0, last: 0 };
    const listen = async () => {
      for (;;) told = { count: Number(await program.line()), last: Date.now() };
    };
    void listen();
    return { program, arrivals: () => told, stop: program.stop };
  },
  eudaemon: (socket, dir) =>
    intoSink(port =>
      startAgent(dir, {
        collectors: { syslog: { listen: [{ path: socket }] } },
        exporters: { otlp: { endpoint: `http://127.0.0.1:${port}`, compression: 'none' } },
      }),
    ),
  rsyslog(socket, dir) {
    const [config, file] = [join(dir, 'rsyslog.conf'), join(dir, 'out.log')];
    writeFileSync(
      config,
      `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}")
action(type="omfile" file="${file}")
`,
    );
    const program = start('rsyslogd', ['-n', '-f', config, '-i', join(dir, 'pid')]);
    return { program, arrivals: countLines(file), stop: program.stop };
  },
};
const { FLUENT_BIT, OTELCOL } = process.env;
if (FLUENT_BIT)
  receivers['fluent-bit'] = (socket, dir) =>
    intoSink(port => {
      const config = join(dir, 'fluent-bit.conf');
      const parsers = join(dir, 'parsers.conf');
      writeFileSync(
        parsers,
        `[PARSER]
  Name syslog-rfc3164-local
  Format regex
  Regex ^\\<(?<pri>[0-9]+)\\>(?<time>[^ ]* {1,2}[^ ]* [^ ]*) (?<ident>[a-zA-Z0-9_\\/\\.\\-]*)(?:\\[(?<pid>[0-9]+)\\])?(?:[^\\:]*\\:)? *(?<message>.*)$
  Time_Key time
  Time_Format %b %d %H:%M:%S
`,
      );
      writeFileSync(
        config,
        `[SERVICE]
  Flush 0.2
  Parsers_File ${parsers}
[INPUT]
  Name syslog
  Mode unix_udp
  Path ${socket}
  Unix_Perm 0666
  Parser syslog-rfc3164-local
[OUTPUT]
  Name opentelemetry
  Match *
  Host 127.0.0.1
  Port ${port}
`,
      );
      return start(FLUENT_BIT, ['-q', '-c', config]);
    });
if (OTELCOL)
  receivers['otelcol'] = (socket, dir) =>
    intoSink(port => {
      const config = join(dir, 'otelcol.yaml');
      writeFileSync(
        config,
        `receivers:
  syslog: { unix: { path: ${socket}, transport: unixgram }, protocol: rfc3164 }
exporters:
  otlphttp: { endpoint: "http://127.0.0.1:${port}", compression: none }
service:
  pipelines: { logs: { receivers: [syslog], exporters: [otlphttp] } }
`,
      );
      return start(OTELCOL, ['--config', config]);
    });

interface Figures {
  readonly arrived: number;
  readonly perSecond: number;
  /** µs a message that arrived. */
  readonly cpu: Cpu;
  readonly memory: { total: number; anonymous: number };
}

/** Resolves when all have arrived, or when nothing has for a second. */
async function settle(receiver: Receiver, total: number): Promise<Arrivals> {
  for (let seen = await receiver.arrivals(); ; ) {
    await pause(20);
    const now = await receiver.arrivals();
    if (now.count >= total || (now.count === seen.count && Date.now() - now.last > 1000)) return now;
    seen = now;
  }
}

async function measure(name: string): Promise<Figures> {
  const dir = tempDir();
  const socket = join(dir, 'log.sock');
  const receiver = await receivers[name]!(socket, dir);
  const { pid } = receiver.program;
  await until(`${name} listens`, () => existsSync(socket));
  const sender = startOwn('sender.ts', socket, values.bytes);
  const send = async (count: number, total: number) => {
    sender.write(`${count} ${values.rate ?? ''}\n`);
    await sender.line();
    return settle(receiver, total);
  };
  const first = await send(warm, warm);
  const before = cpuOf(pid);
  const begin = Date.now();
  const { count, last } = await send(messages, first.count + messages);
  const after = cpuOf(pid);
  const memory = memoryOf(pid);
  await sender.stop();
  await receiver.stop();
  const arrived = count - first.count;
  const each = (from: number, to: number) => ((to - from) / arrived) * 1e6;
  return {
    arrived,
    perSecond: (arrived / (last - begin)) * 1000,
    cpu: { user: each(before.user, after.user), system: each(before.system, after.system) },
    memory,
  };
}

const wanted = values.only?.split(',');
const names = Object.keys(receivers).filter(name => !wanted || wanted.some(each => name.startsWith(each)));
const kept = readFileSync(QLEN, 'utf8');
try {
  for (const qlen of values.qlen.split(',')) {
    if (kept.trim() !== qlen) writeFileSync(QLEN, qlen);
    const figures = new Map<string, Figures>();
    for (const name of names) figures.set(name, await measure(name));
    const own = figures.get('eudaemon');
    const total = ({ cpu }: Figures) => cpu.user + cpu.system;
    printTable(
      `${messages} messages of ${values.bytes} bytes${values.rate ? ` at ${values.rate}/s` : ''}, net.unix.max_dgram_qlen=${qlen}`,
      [
        'receiver',
        'messages/s',
        'lost',
        'CPU µs',
        'user',
        'system',
        'RSS MiB',
        'anon',
        'CPU : ours',
        'rate : ours',
      ],
      [...figures].map(([name, each]) => [
        name,
        each.perSecond.toFixed(0),
        `${((1 - each.arrived / messages) * 100).toFixed(1)}%`,
        total(each).toFixed(2),
        each.cpu.user.toFixed(2),
        each.cpu.system.toFixed(2),
        each.memory.total.toFixed(0),
        each.memory.anonymous.toFixed(0),
        own ? (total(each) / total(own)).toFixed(2) : '',
        own ? (each.perSecond / own.perSecond).toFixed(2) : '',
      ]),
    );
  }
} finally {
  writeFileSync(QLEN, kept);
}
