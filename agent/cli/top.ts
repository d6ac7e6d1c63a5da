// `eudaemon top`: the table of daemons, live in the terminal.

import type { DaemonsView, DaemonView } from '../../console/api.ts';
import { SetupError } from '../core/errors.ts';
import { CONFIG, readOptions } from './args.ts';
import { readAgent } from './config.ts';
import { ask } from './control.ts';
import { paint } from './format.ts';
import type { Command } from './index.ts';
import { table } from './status.ts';

const REFRESH_MS = 2000;

/** The alternate screen without a cursor, and back. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

export const top: Command = {
  summary: 'live table of daemons in the terminal',
  usage: `eudaemon top [--config FILE]

  -c, --config FILE     the configuration; without it /etc/eudaemon/eudaemon.yaml, else the embedded default

Refreshed every two seconds; q or Ctrl-C ends it. Where not all fit, those that are not well come first. Without a
terminal it prints once.`,
  async run(argv) {
    const agent = readAgent(readOptions('top', argv, CONFIG).config, process.env);
    const color = paint(process.stdout);
    const page = async (rows = Infinity) => {
      const { daemons, now } = (await ask<DaemonsView>(agent.run_dir, '/api/daemons'))!;
      return table(
        daemons.length < rows ? daemons : gravestFirst(daemons),
        now,
        color,
        process.stdout.columns,
      );
    };
    if (process.stdin.isTTY && process.stdout.isTTY)
      await live(page, { input: process.stdin, output: process.stdout });
    else process.stdout.write(await page());
    return 0;
  },
};

const GRAVITY: readonly DaemonView['state'][] = [
  'crash_looping',
  'hung',
  'unhealthy',
  'absent',
  'starting',
  'stopped',
  'healthy',
];

export const gravestFirst = (daemons: readonly DaemonView[]): DaemonView[] =>
  daemons.toSorted((a, b) => GRAVITY.indexOf(a.state) - GRAVITY.indexOf(b.state));

/** Draws until q, Ctrl-C or a signal; the terminal is then as it was. An agent that goes away may come back. */
export async function live(
  page: (rows: number) => Promise<string>,
  { input, output }: Terminal,
  refreshMs = REFRESH_MS,
): Promise<void> {
  const first = await page(output.rows);
  let ended = Promise.withResolvers<void>();
  let stop = false;
  const end = () => {
    stop = true;
    ended.resolve();
  };
  const wake = () => ended.resolve();
  const key = (keys: Buffer) => {
    if (/[qQ\u0003\u0004]/.test(keys.toString())) end();
    else wake();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, end);
  input.setRawMode(true);
  input.on('data', key);
  output.on('resize', wake);
  output.write(ENTER);
  try {
    for (let text = first; ; text = await pageOrFault(() => page(output.rows))) {
      output.write(frame(text, output.rows));
      if (stop) return;
      const timer = setTimeout(wake, refreshMs);
      await ended.promise;
      clearTimeout(timer);
      if (stop) return;
      ended = Promise.withResolvers<void>();
    }
  } finally {
    output.write(LEAVE);
    output.off('resize', wake);
    input.off('data', key);
    input.setRawMode(false);
    input.pause();
    for (const signal of signals) process.off(signal, end);
  }
}

async function pageOrFault(page: () => Promise<string>): Promise<string> {
  try {
    return await page();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return `${error.message}\n`;
  }
}

/** From the upper left corner, each line cleared to its end and never wrapped, as many as fit, the rest cleared. */
export function frame(text: string, rows: number): string {
  const all = text.trimEnd().split('\n');
  const lines =
    all.length <= rows ? all : [...all.slice(0, rows - 1), `… ${all.length - rows + 1} more`].slice(0, rows);
  return `\u001b[H\u001b[?7l${lines.map(line => `${line}\u001b[K`).join('\r\n')}\u001b[J\u001b[?7h`;
}
