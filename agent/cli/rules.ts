// `eudaemon rules`: a Prometheus rule file, the packaged alerts and those that the configuration's expectations ask for.

import { readPackaged, toYaml } from '../config/yaml.ts';
import type { DaemonSpec } from '../core/daemon.ts';
import { parseCondition } from '../identity/expect.ts';
import { tellMs } from '../identity/expectations.ts';
import { demandsOf } from '../identity/posture.ts';
import { CONFIG, readOptions } from './args.ts';
import { readConfig } from './config.ts';
import type { Command } from './index.ts';

export const rules: Command = {
  summary: 'Prometheus alert rules for the declared daemons',
  usage: `eudaemon rules [--config FILE]

  -c, --config FILE     the configuration; without it /etc/eudaemon/eudaemon.yaml, else the embedded default

Prints a rule file for rule_files: of prometheus.yml; the scrape job is expected to be called eudaemon.`,
  async run(argv) {
    const { daemons } = await readConfig(readOptions('rules', argv, CONFIG).config, process.env);
    process.stdout.write(writeRules(daemons));
    return 0;
  },
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}
interface Group {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** What these alert on, the rules of each daemon say with its own figures and labels. */
const GENERIC = new Set(['EudaemonExpectationUnmet']);

export function writeRules(daemons: readonly DaemonSpec[]): string {
  const base = (readPackaged('prometheus', 'alerts.yaml') as { groups: Group[] }).groups;
  const groups = base.map(group => ({
    ...group,
    rules: group.rules.filter(({ alert }) => !GENERIC.has(alert)),
  }));
  const own = daemons.flatMap(rulesOf);
  return toYaml("Written by 'eudaemon rules' from the configuration; check: promtool check rules FILE", {
    groups: own.length === 0 ? groups : [...groups, { name: 'eudaemon.expectations', rules: own }],
  });
}

const OPPOSITE: Readonly<Record<string, string>> = {
  '>=': '<',
  '<=': '>',
  '==': '!=',
  '!=': '==',
  '>': '<=',
  '<': '>=',
};

/** What holds of a figure when the expectation does not. */
function unmet(text: string): string {
  const operator = /^\s*([<>=!]=|[<>])/.exec(text)![1]!;
  return `${OPPOSITE[operator]} ${parseCondition(text).limit}`;
}

/** Down on purpose is not unexpected. */
const MEANT = 'unless on (job, instance, daemon) eudaemon_daemon_state{state="stopped"} == 1';

/** A duration in PromQL. */
const window = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms}ms`);

function rulesOf({ name, expect, logs, labels }: DaemonSpec): Rule[] {
  const { instances, fd_usage, memory, restarts } = expect;
  const of = `{daemon="${name}"}`;
  const found: Rule[] = [];
  const add = (
    alert: string,
    severity: string,
    wait: string,
    expr: string,
    description: string,
    summary = 'A daemon does not behave as its configuration expects.',
  ) =>
    found.push({
      alert: `Eudaemon${alert}`,
      expr,
      for: wait,
      // A rule is its name and labels: those of two daemons would be duplicates.
      labels: { ...literals(labels), daemon: name, severity },
      annotations: { summary, description: `{{ $labels.daemon }} ${description}` },
    });
  add(
    'DaemonUnwatched',
    'critical',
    '5m',
    `absent(eudaemon_daemon_up${of})`,
    'is declared, and no agent has told anything about it for 5 minutes.',
    'A declared daemon is watched by nobody.',
  );
  if (instances !== undefined)
    add(
      'InstancesUnexpected',
      'critical',
      '2m',
      `eudaemon_daemon_instances${of} ${unmet(instances)} ${MEANT}`,
      `on {{ $labels.instance }} has {{ $value }} instances; expected: ${instances}.`,
    );
  if (fd_usage !== undefined)
    add(
      'FdUsageUnexpected',
      'warning',
      '5m',
      `eudaemon_daemon_max_fds_ratio${of} ${unmet(fd_usage)}`,
      `on {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its file descriptors; expected: ${fd_usage}.`,
    );
  if (memory !== undefined)
    add(
      'MemoryUnexpected',
      'warning',
      '5m',
      `eudaemon_daemon_resident_memory_bytes${of} ${unmet(memory)}`,
      `on {{ $labels.instance }} uses {{ $value | humanize1024 }}B of memory; expected: ${memory}.`,
    );
  if (restarts !== undefined)
    add(
      'RestartsUnexpected',
      'warning',
      '1m',
      `round(increase(eudaemon_daemon_restarts_total${of}[${window(parseCondition(restarts).withinMs!)}])) ${unmet(restarts)}`,
      `on {{ $labels.instance }} was restarted {{ $value }} times; expected: ${restarts}.`,
    );
  const demands = [...demandsOf(expect).keys()];
  if (demands.length > 0)
    add(
      'PostureUnexpected',
      'warning',
      '5m',
      `eudaemon_expectation_met{daemon="${name}",expectation=~"${demands.join('|')}"} == 0`,
      'on {{ $labels.instance }} runs otherwise than expected: {{ $labels.expectation }}.',
    );
  if (logs.expect_every !== undefined)
    add(
      'LogSilent',
      'warning',
      '1m',
      `eudaemon_expectation_met{daemon="${name}",expectation="log_every"} == 0 ${MEANT}`,
      `on {{ $labels.instance }} has logged nothing for longer than ${logs.expect_every === 'learn' ? 'it usually does' : tellMs(logs.expect_every)}.`,
    );
  return found;
}

/** Label values are templates to Prometheus; these stand for themselves. */
const literals = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, value.replaceAll('{{', '{{ "{{" }}')]),
  );
