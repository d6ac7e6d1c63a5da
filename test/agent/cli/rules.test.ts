// The rule file of a configuration: promtool finds no fault with it, and shows what it fires on.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { writeRules } from '../../../agent/cli/rules.ts';
import { have } from '../../tools.ts';
import { daemon } from '../identity/specs.ts';

const expectAll = {
  instances: '>= 2',
  fd_usage: '< 80%',
  memory: '< 2GiB',
  restarts: '< 3 in 90s',
  user: '!= root',
  seccomp: 'on',
} as const;
const logs = { identifiers: [], files: [], parse: 'none', expect_every: 600_000 } as const;
const DAEMONS = [
  daemon('a', { comm: 'a' }, { expect: expectAll, logs, labels: { team: 'web {{ x }}' } }),
  daemon('b@1.x', { comm: 'b' }, { expect: expectAll, logs }),
];
const own = parse(writeRules(DAEMONS)).groups.at(-1).rules as {
  alert: string;
  labels: Record<string, string>;
}[];

it('tells rules of several daemons apart, and gives each the labels of its daemon', () => {
  const keys = own.map(({ alert, labels }) => JSON.stringify([alert, labels]));
  expect(new Set(keys).size).toBe(keys.length);
  expect(own[0]!.labels).toEqual({ team: 'web {{ "{{" }} x }}', daemon: 'a', severity: 'critical' });
});

const series = (name: string, values: string, more = '') => ({
  series: `eudaemon_${name}{job="eudaemon",instance="h",daemon="a"${more}}`,
  values,
});
const fires = (alertname: string, input_series: object[], description: string | undefined, more = {}) => ({
  interval: '1m',
  input_series,
  alert_rule_test: [
    {
      eval_time: '10m',
      alertname,
      exp_alerts:
        description === undefined
          ? []
          : [
              {
                exp_labels: {
                  ...{
                    team: 'web {{ x }}',
                    daemon: 'a',
                    job: 'eudaemon',
                    instance: 'h',
                    severity: 'warning',
                  },
                  ...more,
                },
                exp_annotations: {
                  summary: 'A daemon does not behave as its configuration expects.',
                  description: `a on h ${description}`,
                },
              },
            ],
    },
  ],
});
const stopped = series('daemon_state', '1x20', ',state="stopped"');

if (have('promtool'))
  it('passes promtool, and is silent of what is stopped on purpose', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rules-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const few = series('daemon_instances', '1x20');
    const silent = series('expectation_met', '0x20', ',expectation="log_every"');
    const asRoot = series('expectation_met', '0x20', ',expectation="user"');
    const tests = [
      fires('EudaemonInstancesUnexpected', [few], 'has 1 instances; expected: >= 2.', {
        severity: 'critical',
      }),
      fires('EudaemonInstancesUnexpected', [few, stopped], undefined),
      fires('EudaemonLogSilent', [silent], 'has logged nothing for longer than 10m.', {
        expectation: 'log_every',
      }),
      fires('EudaemonLogSilent', [silent, stopped], undefined),
      fires('EudaemonPostureUnexpected', [asRoot], 'runs otherwise than expected: user.', {
        expectation: 'user',
      }),
      fires('EudaemonMemoryUnexpected', [series('daemon_resident_memory_bytes', '1e9x20')], undefined),
    ];
    writeFileSync(join(directory, 'rules.yaml'), writeRules(DAEMONS));
    writeFileSync(join(directory, 'tests.yaml'), JSON.stringify({ rule_files: ['rules.yaml'], tests }));
    const run = (...args: string[]) =>
      execFileSync('promtool', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
    run('check', 'rules', '--lint-fatal', 'rules.yaml');
    run('test', 'rules', 'tests.yaml');
  });
