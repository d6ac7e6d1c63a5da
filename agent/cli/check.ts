// `eudaemon check`: everything wrong with the configuration, then what this host lacks for it.

import { readFileSync } from 'node:fs';
import { type Config, loadConfig, type Tables } from '../config/index.ts';
import { attempt, ConfigError, type Problem, UsageError } from '../core/errors.ts';
import { FILE_FORMATS } from '../core/formats/options.ts';
import { identifyHost } from '../identity/host.ts';
import { advise } from './advice.ts';
import { CONFIG, readOptions } from './args.ts';
import { configFile, tables } from './config.ts';
import { examine } from './environment.ts';
import type { Finding } from './finding.ts';
import type { Command } from './index.ts';
import { tryText } from './try.ts';
import { readTry } from './try-args.ts';

export const check: Command = {
  summary: 'validate the configuration, then the environment it needs; --try shows what a line becomes',
  usage: `eudaemon check [--config FILE] [--config-only]
       eudaemon check --try LINE [--daemon NAME] [--source syslog|file] [--format FORMAT] [--json]
       eudaemon check --file PATH [--lines N] [--daemon NAME] [--source syslog|file] [--format FORMAT] [--json]

Prints every problem as file:line:col with a suggestion, then what the host lacks, the fix, and what stays unseen
without it. Exits 0 when all is well, 1 when the environment costs data, 2 when the configuration is bad.

      --config-only     leave the host alone
      --try LINE        show the record that LINE becomes, processors and all; nothing is sent or kept
      --file PATH       the same for the first lines of a file
      --lines N         show so many records of it; 10 when absent
      --daemon NAME     as if this declared daemon had written it
      --source SOURCE   as a syslog message or a line of a file; by default what fits the other options
      --format FORMAT   as a line of a file of this format:
                        ${FILE_FORMATS.join(' ')}
      --json            a JSON object for each record
  -c, --config FILE     the configuration`,
  async run(argv) {
    const { config, 'config-only': configOnly = false, ...asked } = readOptions('check', argv, OPTIONS);
    const file = configFile(config);
    const out = (line: string) => process.stdout.write(`${line}\n`);
    const options = { ...tables, file, env: process.env, out };
    if (asked.try === undefined && asked.file === undefined) {
      const alien = Object.keys(asked)[0];
      if (alien !== undefined) throw new UsageError(`check: --${alien} goes with --try or --file`);
      return checkConfig({ ...options, configOnly });
    }
    const loaded = await load(options);
    if (!loaded) return BAD_CONFIG;
    const host = identifyHost(loaded.agent.host_root, process.env);
    tryText(loaded, { ...readTry(loaded, asked), now: Date.now(), host, out });
    return 0;
  },
};

const OPTIONS = {
  ...CONFIG,
  'config-only': { type: 'boolean' },
  try: { type: 'string' },
  file: { type: 'string' },
  lines: { type: 'string' },
  daemon: { type: 'string' },
  source: { type: 'string' },
  format: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const BAD_CONFIG = 2;

export interface CheckOptions extends Tables {
  /** Undefined: the embedded default. */
  readonly file: string | undefined;
  /** Leaves the host alone. */
  readonly configOnly: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (line: string) => void;
  readonly examine?: (config: Config, env: CheckOptions['env']) => Promise<Finding[]>;
}

/** Undefined when it is bad, which is printed. */
async function load(
  options: Tables & Pick<CheckOptions, 'file' | 'env' | 'out'>,
): Promise<Config | undefined> {
  try {
    return await loadConfig({ ...options, serves: true });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.problems.length === 0) options.out(error.message);
    for (const problem of error.problems) print(problem, options.out);
    return undefined;
  }
}

/** Resolves with the exit code. */
export async function checkConfig(options: CheckOptions): Promise<number> {
  const { file, configOnly, env, out } = options;
  const config = await load(options);
  if (!config) return BAD_CONFIG;
  out(`config OK: ${file ?? 'the embedded default'} (${summary(config)})`);
  tell(advise(config), out);
  if (configOnly) return 0;
  const findings = await (options.examine ?? examine)(config, env);
  tell(findings, out);
  const warnings = findings.filter(each => each.costs !== undefined).length;
  out(warnings === 0 ? 'environment OK' : `environment: ${count(warnings, 'warning')}`);
  return warnings === 0 ? 0 : 1;
}

function tell(findings: readonly Finding[], out: CheckOptions['out']): void {
  for (const { costs, what, fix } of findings) {
    out(`${costs === undefined ? 'note' : 'warning'}: ${what}`);
    if (costs !== undefined) out(`  unseen: ${costs}`);
    if (fix !== undefined) out(`  fix: ${fix}`);
  }
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function summary({ agent, daemons, collectors, exporters }: Config): string {
  const on = (sections: Readonly<Record<string, unknown>>) =>
    Object.values(sections).filter(options => options !== false).length;
  const named = `${count(daemons.length, 'daemon')}${agent.discover ? ' and those discovered' : ''}`;
  return `${named}, ${count(on(collectors), 'collector')}, ${count(on(exporters), 'exporter')}`;
}

const LONGEST_EXCERPT = 200;

/** The finding, and below it the line it is about with a caret. */
function print({ file, line, col, path, message }: Problem, out: CheckOptions['out']): void {
  out(`${file}:${line}:${col}: ${path ? `${path}: ` : ''}${message}`);
  const source = sourceLine(file, line);
  if (!source || source.length > LONGEST_EXCERPT) return;
  const gutter = String(line);
  out(`  ${gutter} | ${source}`);
  out(`  ${' '.repeat(gutter.length)} | ${source.slice(0, col - 1).replace(/[^\t]/g, ' ')}^`);
}

const sourceLine = (file: string, line: number): string | undefined =>
  attempt(() => readFileSync(file, 'utf8').split(/\r?\n/)[line - 1]);
