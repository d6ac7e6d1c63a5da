// Reads a configuration: every problem at once, each with its file, line and column, and no secret in any of them.

import type { CollectorEntry } from '../core/collector.ts';
import type { DaemonSpec } from '../core/daemon.ts';
import { ConfigError, type Problem } from '../core/errors.ts';
import type { ExporterEntry } from '../core/exporter.ts';
import type { Checker, Path } from '../core/options.ts';
import type { ProcessorSpec } from '../core/processor.ts';
import { readFiles } from './include.ts';
import { formats } from './patterns.ts';
import { createRecipes, packaged } from './recipes.ts';
import {
  type AgentOptions,
  agent,
  directories,
  type Env,
  file as fileSchema,
  type SpoolOptions,
  type Tables,
} from './sections.ts';
import { dotted, locate, type Place, plain, type Tree } from './tree.ts';
import { loadWeb, webFile } from './web.ts';

/** What a configuration says, defaults filled in. Plain data: it travels to the worker as it is. */
export interface Config {
  /** Undefined: the embedded default. */
  readonly file: string | undefined;
  readonly agent: AgentOptions;
  readonly daemons: readonly DaemonSpec[];
  /** The options of every collector and exporter in the tables, or false where it is off. */
  readonly collectors: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, unknown>>;
  readonly processors: readonly ProcessorSpec[];
  readonly spool: SpoolOptions;
}

interface Source {
  readonly file: string | undefined;
  readonly env: Env;
  /** Throws what `readFileSync` throws. */
  readonly readFile?: (path: string) => Uint8Array;
  readonly uid?: number;
}

export interface LoadOptions extends Tables, Source {
  /** Whether the web configuration has to be good, too; who does not serve need not have the right to read it. */
  readonly serves?: boolean;
}

/** The files as one tree, and where it is told what is wrong with them; `concerns` leaves out what is not asked for. */
function open({ file, env, readFile }: Source, concerns: (path: Path) => boolean) {
  const problems: Problem[] = [];
  const report = (at: Place, path: Path, message: string) => {
    if (concerns(path)) problems.push({ ...at, path: dotted(path), message });
  };
  const tree = readFiles(file ?? packaged('eudaemon.yaml'), { env, readFile, report });
  const checker: Checker = {
    formats,
    problem(path, message, on) {
      const { at, node } = locate(tree, path, on);
      if (node.kind !== 'scalar' || !node.broken) report(at, path, shorten(redact(message, node)));
    },
  };
  return { tree, problems, checker };
}

/**
 * What the files say of the agent itself, whatever is wrong with the rest: for whoever asks one that runs, with an earlier
 * configuration or an environment of its own. Throws ConfigError for what is wrong there or makes it unknown.
 */
export function loadAgent(source: Source): AgentOptions {
  const { tree, problems, checker } = open(source, ([section = 'agent']) =>
    ['agent', 'include'].includes(String(section)),
  );
  const given = agent.parse((plain(tree) as Given)['agent'] ?? null, ['agent'], checker);
  if (problems.length > 0 || !given) throw new ConfigError(inOrder(problems));
  return { ...directories(source.env, source.uid ?? process.getuid?.() ?? 0), ...given };
}

/** Throws ConfigError for what is wrong in the files, and for a file that cannot be read. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { file, env, collectors, exporters, uid = process.getuid?.() ?? 0 } = options;
  const { tree, problems, checker } = open(options, () => true);
  const given = fileSchema({ collectors, exporters }, createRecipes()).parse(plain(tree), [], checker);
  const config = given && {
    file,
    agent: { ...directories(env, uid), ...given.agent },
    daemons: Object.values(given.daemons),
    collectors: collectorsOf(collectors, given.collectors, checker),
    exporters: exportersOf(exporters, given.exporters, env, checker),
    processors: given.processors,
    spool: given.spool,
  };
  for (const { name, conflict } of exporters) {
    const options = config?.exporters[name];
    const beside = config && { collectors: config.collectors, runDir: config.agent.run_dir };
    const message = options && beside ? conflict?.(options, beside) : undefined;
    if (message !== undefined) checker.problem(['exporters', name], message);
  }
  if (config && options.serves) problems.push(...webProblems(config, checker));
  if (problems.length > 0 || !config) throw new ConfigError(inOrder(problems));
  return config;
}

/** Those within the file; one that cannot be read is told where it is named. */
function webProblems(config: Config, checker: Checker): readonly Problem[] {
  const file = webFile(config);
  if (file === undefined) return [];
  try {
    loadWeb(file);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.problems.length === 0)
      checker.problem(['exporters', 'prometheus', 'web_config'], error.message);
    return error.problems;
  }
}

/** Files in the order of their first finding, each from top to bottom. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map(each => each.file))];
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.col - b.col,
  );
}

const LONGEST_MESSAGE = 500;
const shorten = (message: string): string =>
  message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message;

/** A finding quotes the value it is about; one that came out of an expansion is quoted as it was written. */
function redact(message: string, node: Tree): string {
  if (node.kind === 'list') return node.items.reduce(redact, message);
  if (node.kind === 'map')
    return [...node.entries.values()].reduce((text, each) => redact(text, each.node), message);
  const value = String(node.value);
  if (node.written === undefined || value === '') return message;
  const quoted = JSON.stringify(value).slice(1, -1);
  // In one pass: what was written may hold the value, too, as a default does.
  const forms = new RegExp([quoted, value].map(RegExp.escape).join('|'), 'g');
  return message.replace(forms, () => node.written!);
}

type Given = Readonly<Record<string, unknown>>;

function collectorsOf(entries: readonly CollectorEntry[], given: Given, checker: Checker) {
  return Object.fromEntries(
    entries.map(({ name, options, byDefault }) => [
      name,
      given[name] ?? (byDefault ? options.parse(null, ['collectors', name], checker) : false),
    ]),
  );
}

/**
 * Prometheus is on unless switched off. OTLP is on when it is named, here or by OpenTelemetry's own variables. The
 * local store is on unless logs leave by OTLP: then it would be a second copy of everything that nobody asked for.
 */
function exportersOf(entries: readonly ExporterEntry[], given: Given, env: Env, checker: Checker) {
  const result: Record<string, unknown> = {};
  for (const { name } of entries) result[name] = given[name] ?? false;
  const unlessGiven = (name: string, input: unknown) => {
    const entry = entries.find(each => each.name === name);
    if (entry && given[name] === undefined)
      result[name] = entry.options.parse(input, ['exporters', name], checker);
  };
  const set = (name: string) => !!env[`OTEL_EXPORTER_OTLP_${name}`];
  const logs = set('ENDPOINT') || set('LOGS_ENDPOINT');
  const metrics = set('ENDPOINT') || set('METRICS_ENDPOINT');
  unlessGiven('prometheus', null);
  if (logs || metrics) unlessGiven('otlp', { logs, metrics });
  const otlp = result['otlp'] as { logs?: boolean } | false | undefined;
  if (!otlp || otlp.logs === false) unlessGiven('store', null);
  return result;
}
