// Rotation as it happens: logrotate in its modes on nginx that is serving, and an agent killed again and again while a
// log is written and rotated.
import { execFile } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { startNginx } from './daemons.ts';
import { createHome, freePort, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** Asks `port` for numbered pages, several at a time, until it is stopped; resolves with how many were asked for. */
function load(port: number): {
  hold(during: (count: number) => Promise<unknown>): Promise<void>;
  count(): number;
  stop(): Promise<number>;
} {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let count = 0;
  let stopped = false;
  let held: Promise<unknown> | undefined;
  let underWay = 0;
  const ask = (page: number) =>
    new Promise<void>((answered, failed) => {
      get({ port, host: '127.0.0.1', path: `/page-${page}.`, agent }, response => {
        response.resume().once('end', () => answered());
      }).once('error', failed);
    });
  const client = async () => {
    while (!stopped) {
      await held;
      underWay++;
      await ask(count++);
      underWay--;
      await pause(1);
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  return {
    async hold(during) {
      let release = () => {};
      held = new Promise<void>(resolve => {
        release = resolve;
      });
      await until('nothing is under way', () => underWay === 0, { everyMs: 5 });
      await during(count);
      held = undefined;
      release();
    },
    count: () => count,
    async stop() {
      stopped = true;
      await clients;
      agent.destroy();
      return count;
    },
  };
}

/**
 * What copytruncate itself loses is what is written between the copy and the truncation: `quiet` leaves that out. What
 * it compresses at once has to be `read` before.
 */
const MODES: [name: string, lines: string, pause?: 'quiet' | 'read'][] = [
  ['create', 'create'],
  ['create, compress', 'create\ncompress'],
  ['create, compress, delaycompress', 'create\ncompress\ndelaycompress'],
  ['nocreate', 'nocreate'],
  ['dateext', 'create\ndateext\ndateformat -%Y%m%d-%s'],
  ['extension', 'create\nextension .log'],
  ['olddir', 'create\nolddir old\ncreateolddir'],
  ['renamecopy', 'create\nrenamecopy'],
  ['copy', 'copy', 'quiet'],
  ['copytruncate', 'copytruncate', 'quiet'],
  ['copytruncate, olddir', 'copytruncate\nolddir old\ncreateolddir', 'quiet'],
  ['copytruncate, compress', 'copytruncate\ncompress', 'read'],
  ['copytruncate, dateext', 'copytruncate\ndateext\ndateformat -%Y%m%d-%s', 'quiet'],
];

const GLOBS = ['access.log', 'access*'];
/** Lines between two rotations. */
const ENOUGH = 300;

if (have('nginx', 'logrotate', 'root'))
  it.each(MODES)(
    `logrotate with %s costs no line of ${GLOBS.join(' nor of ')}, and repeats none`,
    async (_, lines, stop) => {
      const directory = tempDir('nginx');
      const port = await freePort();
      await startNginx(directory, port);
      /** An agent for each; resolves with the numbers of the pages that arrived. */
      const agents = await Promise.all(
        GLOBS.map(async glob => {
          const backend = await startBackend();
          const home = await createHome({
            collectors: { files: [{ include: [join(directory, glob)], start_at: 'beginning' }] },
            exporters: { otlp: backend.exporter },
          });
          await startProgram(home);
          return () =>
            backend
              .all()
              .flatMap(({ body }) => (/\/page-(\d+)\./.exec(String(body)) ? [Number(RegExp.$1)] : []));
        }),
      );
      const config = join(directory, 'rotate.conf');
      writeFileSync(
        config,
        `${directory}/access.log {
rotate 9
${lines}
postrotate
${stop ? 'true' : `kill -USR1 $(cat ${directory}/nginx.pid)`}
endscript
}
`,
      );
      const rotate = () => run('logrotate', ['-f', '-s', join(directory, 'rotate.state'), config]);
      const all = (count: number) =>
        until('all lines arrive', () => agents.every(arrived => new Set(arrived()).size >= count), {
          timeoutMs: 30_000,
        });
      const readAndRotate = async (count: number) => {
        await all(count);
        await rotate();
      };
      const pages = load(port);
      for (let i = 1; i <= 2; i++) {
        // Names by date differ from second to second.
        if (lines.includes('dateext')) await pause(1100);
        await until('nginx writes its log', () => statSync(join(directory, 'access.log')).size > 0);
        await all(pages.count() + ENOUGH);
        await (stop ? pages.hold(stop === 'read' ? readAndRotate : rotate) : rotate());
      }
      const count = await pages.stop();
      await all(count);
      expect(agents.map(arrived => arrived().length)).toEqual(GLOBS.map(() => count));
    },
  );

/** `KILLS=120 npm run test:e2e -- rotation` takes its two minutes, and more lines. */
const KILLS = Number(process.env['KILLS'] ?? 6);
const LINES_A_SECOND = process.env['KILLS'] ? 20_000 : 5_000;

describe('kill -9 every second', () => {
  it('loses no line of a log that is written and rotated all the time', {
    timeout: 120_000 + KILLS * 10_000,
  }, async () => {
    const directory = tempDir('logs');
    const file = join(directory, 'app.log');
    const backend = await startBackend();
    const home = await createHome({
      collectors: { files: [{ include: [join(directory, 'app.log*')], start_at: 'beginning' }] },
      exporters: { otlp: backend.exporter },
      spool: { fsync: '100ms' },
    });
    let fd = openSync(file, 'a');
    let written = 0;
    let rotated = 0;
    /** Where starting takes long there is no more to read for it. */
    let quota = 0;
    const begin = performance.now();
    const writer = setInterval(() => {
      const due = Math.min(quota, Math.floor(((performance.now() - begin) / 1000) * LINES_A_SECOND));
      const lines = Array.from({ length: due - written }, (_, i) => `line ${written + i} of the log\n`);
      writeSync(fd, lines.join(''));
      written = due;
      if (written < (rotated + 1) * LINES_A_SECOND * 2) return;
      closeSync(fd);
      renameSync(file, `${file}.${++rotated}`);
      fd = openSync(file, 'a');
    }, 20);
    onTestFinished(() => clearInterval(writer));
    const ids: unknown[] = [];
    const strangers: unknown[] = [];
    let distinct = 0;
    let arrived = 0;
    const take = () => {
      for (const { body, attributes, eventName } of backend.drain()) {
        const line = Number(/^line (\d+) of the log$/.exec(String(body))?.[1]);
        if (Number.isNaN(line)) {
          if (eventName === '') strangers.push(body);
          continue;
        }
        const uid = attributes['log.record.uid'];
        arrived++;
        if (ids[line] === undefined) distinct++;
        else if (ids[line] !== uid) strangers.push(`${body} is ${uid} and ${ids[line]}`);
        ids[line] = uid;
      }
    };
    for (let life = 0; life < KILLS; life++) {
      quota += 2 * LINES_A_SECOND;
      const program = await startProgram(home);
      await pause(1000);
      program.signal('SIGKILL');
      await program.ended;
      take();
    }
    clearInterval(writer);
    closeSync(fd);
    await startProgram(home);
    const all = () => {
      take();
      if (distinct < written) throw new Error(`${distinct} of ${written} lines`);
      return true;
    };
    await until('all lines arrive', all, { timeoutMs: 60_000 + KILLS * 3000, everyMs: 500 });
    expect(strangers).toEqual([]);
    expect(distinct).toBe(written);
    expect(rotated).toBeGreaterThan(1);
    // What a life had not made safe is sent again, no more.
    expect(arrived).toBeLessThan(written * 3);
  });
});
