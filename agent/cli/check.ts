// `eudaemon check`: everything wrong with the configuration, then what this host lacks for it.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { collectors } from '../../collectors/index.ts';
import { exporters } from '../../exporters/index.ts';
import { type Config, loadConfig, type Tables } from '../config/index.ts';
import { ConfigError, causeOf, type Problem, SetupError, UsageError } from '../core/errors.ts';
import { configFile } from './config.ts';
import { examine, type Finding } from './environment.ts';
import type { Command } from './index.ts';

export const check: Command = {
  summary: 'validate the configuration, then the environment it needs',
  usage: `eudaemon check [--config FILE] [--config-only]

Prints every problem as file:line:col with a suggestion, then what the host lacks, the fix, and what stays unseen
without it. Exits 0 when all is well, 1 when the environment costs data, 2 when the configuration is bad.`,
  async run(argv) {
    const { config, 'config-only': configOnly = false } = parse(argv);
    return checkConfig({
      collectors,
      exporters,
      file: configFile(config),
      configOnly,
      env: process.env,
      out: line => process.stdout.write(`${line}\n`),
    });
  },
};

function parse(argv: string[]): { config?: string; 'config-only'?: boolean } {
  try {
    return parseArgs({
      args: argv,
      options: { config: { type: 'string', short: 'c' }, 'config-only': { type: 'boolean' } },
    }).values;
  } catch (error) {
    throw new UsageError(`check: ${causeOf(error)}`);
  }
}

export interface CheckOptions extends Tables {
  /** Undefined: the embedded default. */
  readonly file: string | undefined;
  /** Leaves the host alone. */
  readonly configOnly: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (line: string) => void;
  readonly examine?: (config: Config, env: CheckOptions['env']) => Promise<Finding[]>;
}

/** Resolves with the exit code. */
export async function checkConfig(options: CheckOptions): Promise<number> {
  const { file, configOnly, env, out } = options;
  let config: Config;
  try {
    config = await loadConfig(options);
  } catch (error) {
    if (error instanceof ConfigError) for (const problem of error.problems) print(problem, out);
    else if (error instanceof SetupError) out(error.message);
    else throw error;
    return 2;
  }
  out(`config OK: ${file ?? 'the embedded default'} (${summary(config)})`);
  if (configOnly) return 0;
  const findings = await (options.examine ?? examine)(config, env);
  for (const { costs, what, fix } of findings) {
    out(`${costs === undefined ? 'note' : 'warning'}: ${what}`);
    if (costs !== undefined) out(`  unseen: ${costs}`);
    if (fix !== undefined) out(`  fix: ${fix}`);
  }
  const warnings = findings.filter(each => each.costs !== undefined).length;
  out(warnings === 0 ? 'environment OK' : `environment: ${count(warnings, 'warning')}`);
  return warnings === 0 ? 0 : 1;
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

function sourceLine(file: string, line: number): string | undefined {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[line - 1];
  } catch {
    return undefined;
  }
}
