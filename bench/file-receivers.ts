// What follows log files: the agent (files → spool → OTLP), Fluent Bit and the OpenTelemetry Collector (files → OTLP) where
// FLUENT_BIT= and OTELCOL= name one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from './agent.ts';
import { start } from './process.ts';
import { intoSink, type Receiver } from './receiver.ts';

/** Makes a receiver that follows the files of a glob from their beginning, and keeps its own in `dir`. */
export type Follow = (glob: string, dir: string) => Promise<Receiver> | Receiver;

interface Case {
  /** Lines are JSON objects that are parsed. */
  readonly json?: boolean;
  /** So many files at once, where that has to be said. */
  readonly files?: number;
  /** Arguments of the sink. */
  readonly sink?: readonly string[];
}

/** By name, those that are there. */
export function followers({ json = false, files, sink = [] }: Case = {}): Record<string, Follow> {
  const { FLUENT_BIT, OTELCOL } = process.env;
  return {
    eudaemon: (glob, dir) =>
      intoSink(
        port =>
          startAgent(dir, {
            collectors: {
              files: [{ include: [glob], start_at: 'beginning', parse: json ? 'json' : 'none' }],
            },
            exporters: { otlp: { endpoint: `http://127.0.0.1:${port}`, compression: 'none' } },
          }),
        ...sink,
      ),
    ...(FLUENT_BIT && { 'fluent-bit': fluentBit(FLUENT_BIT, json, sink) }),
    ...(OTELCOL && { otelcol: collector(OTELCOL, json, files, sink) }),
  };
}

const fluentBit =
  (program: string, json: boolean, sink: readonly string[]): Follow =>
  (glob, dir) =>
    intoSink(
      port => {
        const config = join(dir, 'fluent-bit.conf');
        const parsers = join(dir, 'parsers.conf');
        writeFileSync(
          parsers,
          '[PARSER]\n  Name json\n  Format json\n  Time_Key time\n  Time_Format %Y-%m-%dT%H:%M:%S.%L%z\n',
        );
        writeFileSync(
          config,
          `[SERVICE]
  Flush 0.2
  Parsers_File ${parsers}
[INPUT]
  Name tail
  Path ${glob}
  Read_from_Head true
  ${json ? 'Parser json' : ''}
[OUTPUT]
  Name opentelemetry
  Match *
  Host 127.0.0.1
  Port ${port}
`,
        );
        return start(program, ['-q', '-c', config]);
      },
      ...sink,
    );

const collector =
  (program: string, json: boolean, files: number | undefined, sink: readonly string[]): Follow =>
  (glob, dir) =>
    intoSink(
      port => {
        const config = join(dir, 'otelcol.yaml');
        const most = files === undefined ? '' : `, max_concurrent_files: ${files * 2 + 2}`;
        const parsed = json ? ', operators: [{ type: json_parser }]' : '';
        writeFileSync(
          config,
          `receivers:
  filelog: { include: ["${glob}"], start_at: beginning${most}${parsed} }
exporters:
  otlphttp: { endpoint: "http://127.0.0.1:${port}", compression: none }
service:
  pipelines: { logs: { receivers: [filelog], exporters: [otlphttp] } }
`,
        );
        return start(program, ['--config', config]);
      },
      ...sink,
    );
