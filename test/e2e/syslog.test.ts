// What real senders put into the socket is what the backend gets, field by field.
import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram } from './program.ts';
import { keepLogging, logger, sendDatagrams, sendNumbers, syslog3 } from './senders.ts';
import { until } from './until.ts';

const uid = String(process.getuid?.());

async function scene(daemons: Record<string, unknown> = {}, agent: Record<string, unknown> = {}) {
  const backend = await startBackend();
  const home = await createHome({ agent, daemons, exporters: { otlp: backend.exporter } });
  const program = await startProgram(home);
  return { backend, home, program, socket: home.socket };
}

describe('logger', () => {
  it('in its local form: PRI, tag and pid, the rest from the kernel', async () => {
    const { backend, socket } = await scene();
    const before = Date.now();
    const pid = await logger(socket, '-t', 'app', '-p', 'daemon.err', '-i', 'hello, local');
    const record = await backend.record(each => each.body === 'hello, local');
    expect(record).toMatchObject({
      severity: 17,
      severityText: 'err',
      resource: { 'service.name': 'app', 'host.name': hostname() },
      attributes: {
        'syslog.facility': 3,
        'syslog.appname': 'app',
        'syslog.procid': `${pid}`,
        'process.pid': pid,
        'user.id': uid,
      },
    });
    // The local form has whole seconds.
    expect(Number(record.time / 1_000_000n)).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
    expect(Number(record.time / 1_000_000n)).toBeLessThanOrEqual(Date.now());
    expect(Number(record.observed / 1_000_000n)).toBeGreaterThanOrEqual(before);
    expect(record.attributes).not.toHaveProperty('eudaemon.parse_error');
  });

  it('in RFC 5424: host, message id and structured data', async () => {
    const { backend, socket } = await scene();
    const pid = await logger(
      socket,
      // A pid that cannot be: as root, logger takes on that of a process there is.
      ...['--rfc5424=notq', '--id=4194305', '-t', 'api', '-p', 'local3.notice', '--msgid', 'ORDER'],
      ...['--sd-id', 'order@32473', '--sd-param', 'id="77"', '--sd-param', 'note="a \\"quoted\\" \\] word"'],
      ...['--sd-id', 'zone@32473', '--sd-param', 'name="b"', 'five four two four'],
    );
    expect(await backend.record(each => each.body === 'five four two four')).toMatchObject({
      severity: 10,
      severityText: 'notice',
      resource: { 'service.name': 'api' },
      attributes: {
        'syslog.facility': 19,
        'syslog.appname': 'api',
        'syslog.procid': '4194305',
        'syslog.msgid': 'ORDER',
        'syslog.version': 1,
        'syslog.structured_data': {
          'order@32473': { id: '77', note: 'a "quoted" ] word' },
          'zone@32473': { name: 'b' },
        },
        // What it claims stands beside what it is.
        'process.pid': pid,
      },
    });
  });

  it('with each severity', async () => {
    const numbers = { emerg: 21, alert: 19, crit: 18, err: 17, warning: 13, notice: 10, info: 9, debug: 5 };
    const { backend, socket } = await scene();
    for (const [name, number] of Object.entries(numbers)) {
      await logger(socket, '-t', 'sev', '-p', `user.${name}`, `a ${name}`);
      expect(await backend.record(each => each.body === `a ${name}`)).toMatchObject({
        severity: number,
        severityText: name,
        attributes: { 'syslog.facility': 1 },
      });
    }
  });

  it('under a declared identifier belongs to that daemon, and a stranger is told', async () => {
    const { backend, socket, program } = await scene({
      shop: { match: { comm: 'no-such-shop' }, labels: { team: 'web' }, logs: { identifiers: ['shopd'] } },
    });
    keepLogging(socket, 'shopd', 'I am the shop');
    const record = await backend.record(each => each.body === 'I am the shop');
    expect(record.resource).toMatchObject({ 'service.name': 'shop', team: 'web' });
    await program.waitForMetrics(
      'the mismatch is counted',
      page => page.value('eudaemon_log_sender_mismatch_total', { daemon: 'shop' }) === 1,
    );
    await program.waitForMetrics(
      'its record is counted',
      page => page.sum('eudaemon_log_records_total', { daemon: 'shop' }) === 1,
    );
    expect((await program.metrics()).value('eudaemon_daemon_labels', { daemon: 'shop', team: 'web' })).toBe(
      1,
    );
  });
});

if (have('root', 'unshare', 'perl'))
  describe('syslog(3) on /dev/log', () => {
    it('arrives with the credentials of the kernel', async () => {
      const { backend, socket } = await scene();
      const pid = await syslog3(
        socket,
        'openlog("perl-app", "pid,ndelay", LOG_AUTH); syslog(LOG_WARNING, "odd %s %d", "thing", 7); closelog()',
      );
      expect(await backend.record(each => String(each.body).startsWith('odd'))).toMatchObject({
        body: 'odd thing 7',
        severity: 13,
        resource: { 'service.name': 'perl-app' },
        attributes: {
          'syslog.facility': 4,
          'syslog.appname': 'perl-app',
          'syslog.procid': `${pid}`,
          'process.pid': pid,
          'user.id': '0',
        },
      });
    });
  });

describe('anything at all', () => {
  it('is one record with every byte, and the agent goes on', async () => {
    const { backend, socket, program } = await scene();
    const random = Array.from({ length: 200 }, (_, i) =>
      // A fixed generator: the same bytes in every run.
      Uint8Array.from({ length: 1 + ((i * 37) % 600) }, (_, j) => ((i + 3) * 7919 + j * j * 31) & 0xff),
    );
    const large = `<14>big: ${'x'.repeat(65_000)}`;
    const odd = ['\0', '\n', '<', '<999>x', '<13>', `<13>nul: a\0b`, '<13>1 - - - - - -', large];
    await sendDatagrams(socket, [...random, ...odd, '<13>last: the end']);
    await backend.record(each => each.body === 'the end');
    expect(backend.bodies()).toHaveLength(random.length + odd.length + 1);

    expect(backend.bodies().includes('x'.repeat(65_000))).toBe(true);
    expect(backend.bodies().includes('a\0b')).toBe(true);
    const originals = backend.all().map(each => each.attributes['log.record.original']);
    const invalid = random.filter(bytes => !Buffer.from(Buffer.from(bytes).toString()).equals(bytes));
    expect(invalid.length).toBeGreaterThan(100);
    for (const bytes of invalid) {
      const kept = originals.some(
        original =>
          typeof original === 'string' && Buffer.from(bytes).includes(Buffer.from(original, 'base64')),
      );
      expect(kept).toBe(true);
    }
    expect((await program.stop()).code).toBe(0);
  });

  it('of no length at all does no harm', async () => {
    const { backend, socket } = await scene();
    await sendDatagrams(socket, ['', '<13>after: nothing']);
    await backend.record(each => each.body === 'nothing');
  });
});

it('a logger is not held up by a data worker that stands still', async () => {
  const backend = await startBackend();
  const home = await createHome({ exporters: { otlp: backend.exporter } });
  const stall = join(home.directory, 'stall');
  const program = await startProgram(home, { EUDAEMON_DEBUG_STALL: stall });
  writeFileSync(stall, '');
  await until('it stands still', () => program.output().includes('standing still'));
  const count = 3000;
  await sendNumbers(home.socket, count).ended;
  // The sender is done, and the worker has not moved.
  rmSync(stall);
  await program.waitForMetrics(
    'all are received',
    page => page.sum('eudaemon_records_received_total', { source: 'syslog' }) === count,
    60_000,
  );
  expect(program.output()).toContain('going on');
  await until('all arrive', () => backend.bodies().length === count);
  expect(backend.bodies()).toEqual(Array.from({ length: count }, (_, i) => `number ${i}`));
});

it('neither loggers nor the end are held up by a backend that does not answer', async () => {
  const { backend, socket, program } = await scene({}, { shutdown_timeout: '3s' });
  backend.behave({ fault: 'silent' });
  const lines = Array.from({ length: 3_000 }, (_, i) => `<13>busy: line ${i}`);
  await sendDatagrams(socket, lines);
  await program.waitForMetrics(
    'all are received',
    page => page.sum('eudaemon_records_received_total', { source: 'syslog' }) === lines.length,
  );
  expect(await program.stop()).toMatchObject({ code: 0 });
  expect(program.output()).toContain('msg=stopped clean=true');
});
