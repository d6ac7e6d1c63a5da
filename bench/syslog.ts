// What does a local syslog message cost? The agent (socket → ring → spool → OTLP) beside rsyslog (socket → file), Fluent
// Bit and the OpenTelemetry Collector (socket → OTLP) where FLUENT_BIT= and OTELCOL= name one, and the kernel's floor.
// Figures are for each message that arrived; the agent sheds what comes faster than it can carry, the others hold the
// sender back.
//   node bench/syslog.ts [--messages 2000000] [--bytes 150] [--rate PER_SECOND] [--qlen 512,10] [--only eudaemon,rsyslog]

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { start, startOwn, tempDir, until } from './process.ts';
import {
  type Arrivals,
  countLines,
  type Figures,
  intoSink,
  measure,
  printFigures,
  type Receiver,
} from './receiver.ts';

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

async function measureOne(name: string): Promise<Figures> {
  const dir = tempDir();
  const socket = join(dir, 'log.sock');
  const receiver = await receivers[name]!(socket, dir);
  await until(`${name} listens`, () => existsSync(socket));
  const sender = startOwn('sender.ts', socket, values.bytes);
  const figures = await measure(receiver, warm, messages, async count => {
    sender.write(`${count} ${values.rate ?? ''}\n`);
    await sender.line();
  });
  await sender.stop();
  return figures;
}

const wanted = values.only?.split(',');
const names = Object.keys(receivers).filter(name => !wanted || wanted.some(each => name.startsWith(each)));
const kept = readFileSync(QLEN, 'utf8');
process.once('exit', () => writeFileSync(QLEN, kept));
for (const qlen of values.qlen.split(',')) {
  writeFileSync(QLEN, qlen);
  const figures = new Map<string, Figures>();
  for (const name of names) figures.set(name, await measureOne(name));
  const rate = values.rate ? ` at ${values.rate}/s` : '';
  const title = `${messages} messages of ${values.bytes} bytes${rate}, net.unix.max_dgram_qlen=${qlen}`;
  printFigures(title, 'message', figures);
}
