// The kernel's own log, through the real device: as root, the way the agent has it on a host.
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startBackend } from './backend.ts';
import { createHome, startProgram } from './program.ts';
import { until } from './until.ts';

it('the log of the kernel arrives with its time and severity, what came while the agent was killed included', async () => {
  const mark = `eudaemon-e2e-${process.pid}`;
  const say = (severity: number, text: string) =>
    writeFileSync('/dev/kmsg', `<${8 + severity}>${mark}[7]: ${text}\n`);
  const backend = await startBackend();
  const home = await createHome({ collectors: { kmsg: {} }, exporters: { otlp: backend.exporter } });
  const said = () => backend.bodies().filter(each => each.startsWith('kmsg-test '));
  say(6, 'kmsg-test before');
  const program = await startProgram(home);
  const from = Date.now();
  say(3, 'kmsg-test one');
  const record = await backend.record(each => each.body === 'kmsg-test one');
  expect(record.resource['service.name']).toBe(mark);
  expect(record.severity).toBe(17);
  expect(record.attributes['syslog.procid']).toBe('7');
  const late = Number(record.time / 1_000_000n) - from;
  expect(Math.abs(late)).toBeLessThan(60_000);
  program.signal('SIGKILL');
  await program.ended;
  say(4, 'kmsg-test two');
  await startProgram(home);
  await until('what was said meanwhile arrives', () => said().includes('kmsg-test two'));
  const uids = new Set(
    backend
      .all()
      .filter(each => String(each.body).startsWith('kmsg-test '))
      .map(each => each.attributes['log.record.uid']),
  );
  expect(uids.size).toBe(2);
  expect(said()).not.toContain('kmsg-test before');
});
