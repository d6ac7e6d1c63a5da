// What takes local syslog messages: the agent (socket → ring → spool → OTLP), rsyslog (socket → file), Fluent Bit
// (socket → OTLP) where FLUENT_BIT= names one, and the kernel's floor. The OpenTelemetry Collector has no such socket.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from './agent.ts';
import { start, startOwn } from './process.ts';
import { type Arrivals, countLines, intoSink, type Receiver } from './receiver.ts';

/** Makes a receiver that listens on `socket` and keeps its files in `dir`. */
export type Make = (socket: string, dir: string) => Promise<Receiver> | Receiver;

export const agent: Make = (socket, dir) =>
  intoSink(port =>
    startAgent(dir, {
      collectors: { syslog: { listen: [{ path: socket }] } },
      // Nobody else here sends metrics; with them the OpenTelemetry SDK is loaded.
      exporters: { otlp: { endpoint: `http://127.0.0.1:${port}`, compression: 'none', metrics: false } },
    }),
  );

/** Takes messages off the socket and counts them; tells at `first` and at `first + then` of them. */
export const floor =
  (first: number, then: number): Make =>
  socket => {
    const program = startOwn('floor.ts', socket, `${first}`, `${first + then}`);
    let told: Arrivals = { count: 0, last: 0 };
    const listen = async () => {
      for (;;) told = { count: Number(await program.line()), last: Date.now() };
    };
    void listen();
    return { program, arrivals: () => told, stop: program.stop };
  };

export const rsyslog: Make = (socket, dir) => {
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
};

const fluentBit =
  (path: string): Make =>
  (socket, dir) =>
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
      return start(path, ['-q', '-c', config]);
    });

/** Those that the environment names. */
export function named({ FLUENT_BIT }: NodeJS.ProcessEnv): Record<string, Make> {
  return {
    ...(FLUENT_BIT ? { 'fluent-bit': fluentBit(FLUENT_BIT) } : {}),
  };
}
