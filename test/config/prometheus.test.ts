// The alert rules: complete, well formed, and each shown to fire by promtool.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { loadWeb } from '../../agent/config/web.ts';
import { CERTIFICATE, KEY } from '../collectors/health/certificate.ts';
import { have } from '../tools.ts';

const folder = join(import.meta.dirname, '../../config/prometheus');
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));

interface Rule {
  alert: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}
const rules: Rule[] = read('alerts.yaml').groups.flatMap((group: { rules: Rule[] }) => group.rules);

describe('alerts.yaml', () => {
  it.each(rules.map(rule => [rule.alert, rule] as const))('%s has what a receiver needs', (_, rule) => {
    expect(rule.alert).toMatch(/^Eudaemon[A-Z]/);
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(['critical', 'warning', 'info']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).not.toContain('{{');
    expect(rule.annotations.description).toContain('$labels.');
  });

  it('has a firing and a quiet case for each alert', () => {
    const cases: { alertname: string; exp_alerts: unknown[] }[] = read('alerts.test.yaml').tests.flatMap(
      (test: { alert_rule_test: [] }) => test.alert_rule_test,
    );
    const seen = (fires: boolean) =>
      new Set(cases.filter(each => each.exp_alerts.length > 0 === fires).map(each => each.alertname));
    const names = rules.map(rule => rule.alert).sort();
    expect([...seen(true)].sort()).toEqual(names);
    expect([...seen(false)].sort()).toEqual(names);
  });

  if (have('promtool'))
    it('passes promtool', () => {
      const run = (...args: string[]) => execFileSync('promtool', args, { cwd: folder, encoding: 'utf8' });
      expect(run('check', 'rules', 'alerts.yaml')).toContain(`${rules.length} rules found`);
      expect(run('test', 'rules', 'alerts.test.yaml')).toContain('SUCCESS');
    });
});

if (have('promtool'))
  it('prometheus.yml is one, and its job has the name that the alerts know', () => {
    const checked = execFileSync('promtool', ['check', 'config', 'prometheus.yml'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(checked).toContain(`${rules.length} rules found`);
    const [{ job_name: job }] = read('prometheus.yml').scrape_configs;
    const absent = read('alerts.yaml').groups.flatMap(
      (group: { rules: { alert: string; expr: string }[] }) => group.rules,
    );
    expect(absent.find(({ alert }: Rule) => alert === 'EudaemonAbsent').expr).toContain(`job="${job}"`);
  });

describe('web-config.yml', () => {
  it('is taken where its certificate is', () => {
    const directory = mkdtempSync(join(tmpdir(), 'web-config-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    copyFileSync(join(folder, 'web-config.yml'), join(directory, 'web-config.yml'));
    writeFileSync(join(directory, 'tls.crt'), CERTIFICATE);
    writeFileSync(join(directory, 'tls.key'), KEY);
    const { config } = loadWeb(join(directory, 'web-config.yml'));
    expect([...config.users.keys()]).toEqual(['prometheus']);
    expect(config.tls?.minVersion).toBe('TLSv1.2');
  });
});
