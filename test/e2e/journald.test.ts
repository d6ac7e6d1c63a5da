// The journal by the real systemd-journald: an instance of its own, in a journal namespace.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram } from './program.ts';
import { logger, runToEnd, sendDatagrams } from './senders.ts';
import { until } from './until.ts';

const JOURNALD = '/lib/systemd/systemd-journald';

interface Journal {
  /** Where its files are. */
  readonly directory: string;
  /** Takes syslog datagrams, and those of its own protocol. */
  readonly syslog: string;
  readonly native: string;
  /** Begins a new file. */
  rotate(): Promise<number>;
  /** kill -9, and another that takes its place. */
  kill(): Promise<void>;
}

async function startJournal(): Promise<Journal> {
  const name = `eudaemon-e2e-${process.pid}`;
  const sockets = `/run/systemd/journal.${name}`;
  const [syslog, native] = [join(sockets, 'dev-log'), join(sockets, 'socket')];
  const id = readFileSync('/etc/machine-id', 'utf8').trim();
  const directories = ['/var/log/journal', '/run/log/journal'].map(top => join(top, `${id}.${name}`));
  let daemon: ChildProcess | undefined;
  const begin = () => {
    daemon = spawn(JOURNALD, [name], { stdio: 'ignore' });
  };
  const kill = async () => {
    const ended = new Promise(resolve => daemon!.once('exit', resolve));
    daemon!.kill('SIGKILL');
    await ended;
  };
  onTestFinished(async () => {
    await kill();
    for (const path of [sockets, ...directories]) rmSync(path, { recursive: true, force: true });
  });
  begin();
  await until('journald listens', () => existsSync(syslog) && existsSync(native));
  await logger(syslog, 'the first makes the file');
  const directory = await until('there is a journal', () => directories.find(existsSync));
  return {
    directory,
    syslog,
    native,
    rotate: () => runToEnd('journalctl', [`--namespace=${name}`, '--rotate']),
    async kill() {
      await kill();
      rmSync(sockets, { recursive: true });
      begin();
      await until('journald listens again', () => existsSync(syslog) && existsSync(native));
    },
  };
}

if (have('journalctl', 'root') && existsSync(JOURNALD))
  it('what the journal holds arrives once, through its rotation, its end and ours', async () => {
    const journal = await startJournal();
    const backend = await startBackend();
    const home = await createHome({
      daemons: { web: { match: { comm: 'webd' }, logs: { identifiers: ['webd'] } } },
      collectors: { journald: { path: journal.directory, start_at: 'beginning' } },
      exporters: { otlp: backend.exporter },
    });
    let said = 0;
    const say = async () => {
      const numbers = Array.from({ length: 50 }, () => said++);
      await sendDatagrams(
        journal.native,
        numbers.map(n => `MESSAGE=line ${n}\nPRIORITY=4\nSYSLOG_IDENTIFIER=webd\nORDER_ID=4711\n`),
      );
    };
    const lines = () =>
      backend
        .all()
        .map(({ body }) => /^line (\d+)$/.exec(String(body))?.[1])
        .filter(n => n !== undefined)
        .map(Number);
    const arrive = (what: string) => until(what, () => new Set(lines()).size === said);

    await say();
    const pid = await logger(journal.syslog, '--id=4242', '-t', 'elsewhere', '-p', 'daemon.err', 'by syslog');
    await sendDatagrams(journal.native, [
      Buffer.from('MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nSYSLOG_IDENTIFIER=webd\n', 'latin1'),
    ]);
    const program = await startProgram(home);
    await arrive('what was there before arrives');
    const line = await backend.record(({ body }) => body === 'line 0');
    expect(line.resource['service.name']).toBe('web');
    expect(line.severity).toBe(13);
    const bySyslog = await backend.record(({ body }) => body === 'by syslog');
    expect(bySyslog.resource['service.name']).toBe('elsewhere');
    expect(bySyslog.severity).toBe(17);
    expect(bySyslog.attributes['process.pid']).toBe(pid);
    await backend.record(({ body }) => body === 'two\nlines');

    await journal.rotate();
    await say();
    await arrive('what came behind a rotation arrives');

    await program.signal('SIGKILL');
    await program.ended;
    await say();
    await journal.rotate();
    await say();
    const again = await startProgram(home);
    await arrive('what came while the agent was gone arrives');

    await journal.kill();
    await say();
    await arrive('what another journald wrote arrives');
    expect((await again.stop()).code).toBe(0);
    const uids = new Set(
      backend
        .all()
        .filter(({ body }) => String(body).startsWith('line '))
        .map(({ attributes }) => attributes['log.record.uid']),
    );
    expect(uids.size).toBe(said);
  });
