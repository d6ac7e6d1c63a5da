// Log files below mounts that come and go, in a mount namespace of their own: a file system that is unmounted under a file
// that is read, another in its place, one file at several paths.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

/** A mount namespace, and an agent in it that reads these files. */
async function start(...include: string[]) {
  const directory = tempDir('mounts');
  const path = (name: string) => join(directory, name);
  for (const name of ['disk', 'seen']) mkdirSync(path(name));
  const holder = spawn(find('unshare')!, ['--mount', '--propagation', 'private', 'sleep', '1000']);
  onTestFinished(() => void holder.kill('SIGKILL'));
  await until('the namespace is there', () => {
    const namespace = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/mnt`);
    return namespace(holder.pid!) !== namespace('self');
  });
  const nsenter = find('nsenter')!;
  const inside = [nsenter, '--mount', '--target', String(holder.pid)];
  const run = (...command: string[]) => execFileSync(nsenter, [...inside.slice(1), ...command]);
  const backend = await startBackend();
  const home = await createHome({
    collectors: { files: [{ include: include.map(path), start_at: 'beginning' }] },
    exporters: { otlp: backend.exporter },
  });
  return {
    path,
    run,
    bodies: backend.bodies,
    arrive: (...lines: string[]) =>
      until(`${lines} arrive`, () => lines.every(line => backend.bodies().includes(line))),
    write: (name: string, line: string) => appendFileSync(path(name), `${line}\n`),
    /** As those see it who are in the namespace. */
    writeInside: (name: string, line: string) => run('sh', '-c', 'echo "$1" >> "$0"', path(name), line),
    agent: () => startProgram(home, {}, inside),
  };
}

if (have('root', 'unshare', 'nsenter', 'mount'))
  describe('a log file', () => {
    it('whose file system is unmounted and mounted again gives every line once', async () => {
      const { path, run, bodies, arrive, write, writeInside, agent } = await start('seen/app.log');
      write('disk/app.log', 'line 1');
      run('mount', '--bind', path('disk'), path('seen'));
      const program = await agent();
      await arrive('line 1');
      run('umount', '--lazy', path('seen'));
      write('disk/app.log', 'line 2');
      writeInside('seen/app.log', 'line 3 of the file below');
      await arrive('line 3 of the file below');
      run('mount', '--bind', path('disk'), path('seen'));
      write('disk/app.log', 'line 4');
      await arrive('line 4');
      await program.stop();
      run('umount', path('seen'));
      write('disk/app.log', 'line 5');
      run('mount', '--bind', path('disk'), path('seen'));
      await agent();
      await arrive('line 5');
      expect(bodies()).toEqual(['line 1', 'line 2', 'line 3 of the file below', 'line 4', 'line 5']);
    });

    it('in the place of one whose file system is gone is read from its first byte', async () => {
      const { path, run, bodies, arrive, writeInside, agent } = await start('seen/*.log');
      const mount = () => run('mount', '-t', 'tmpfs', 'none', path('seen'));
      mount();
      writeInside('seen/app.log', 'line 1');
      await agent();
      await arrive('line 1');
      run('umount', '--lazy', path('seen'));
      mount();
      writeInside('seen/app.log', 'line 1');
      writeInside('seen/app.log', 'line 2');
      await arrive('line 2');
      expect(bodies()).toEqual(['line 1', 'line 1', 'line 2']);
    });

    it('at several paths by bind mounts is read once', async () => {
      const { path, run, bodies, arrive, write, agent } = await start(
        'disk/*.log',
        'seen/*.log',
        'alone.log',
      );
      write('disk/app.log', 'line 1');
      writeFileSync(path('alone.log'), '');
      run('mount', '--bind', path('disk'), path('seen'));
      run('mount', '--bind', path('disk/app.log'), path('alone.log'));
      const program = await agent();
      write('disk/app.log', 'line 2');
      await arrive('line 1', 'line 2');
      await program.stop();
      write('disk/app.log', 'line 3');
      await agent();
      await arrive('line 3');
      expect(bodies()).toEqual(['line 1', 'line 2', 'line 3']);
    });
  });
