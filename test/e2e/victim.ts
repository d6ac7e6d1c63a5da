// A small program of the tests' own, compiled once, that ends in every way a daemon can.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const SOURCE = String.raw`
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
static const char *pidfile;
static void leave(int s) { (void)s; if (pidfile) unlink(pidfile); _exit(0); }
static void eat(int s) { (void)s; for (;;) { memset(malloc(1 << 20), 1, 1 << 20); usleep(1000); } }
static void write_pid(void) {
  if (!pidfile) return;
  FILE *f = fopen(pidfile, "w");
  fprintf(f, "%d\n", getpid());
  fclose(f);
}
int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "run";
  pidfile = getenv("PIDFILE");
  if (!strcmp(how, "exit")) { usleep(atoi(argv[2]) * 1000); return atoi(argv[3]); }
  if (!strcmp(how, "detach")) { if (fork()) _exit(0); setsid(); if (fork()) _exit(0); }
  if (!strcmp(how, "reexec")) { usleep(500000); execl(argv[0], argv[0], "run", (char *)NULL); }
  if (!strcmp(how, "hungry")) signal(SIGUSR1, eat);
  if (!strcmp(how, "core")) {
    struct rlimit r = {1 << 24, 1 << 24};
    setrlimit(RLIMIT_CORE, &r);
    if (chdir(getenv("CORES"))) return 1;
  }
  if (!strcmp(how, "clean")) signal(SIGTERM, leave);
  write_pid();
  for (;;) pause();
}
`;

export interface Victims {
  /** Its file, which nobody else runs. */
  readonly exe: string;
  /** One in the foreground; it is killed when the test ends. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs one to its end; its exit status, -1 for a signal. */
  run(...args: string[]): number;
  /** Those that live now, of this file. */
  pids(): number[];
}

export function compileVictim(directory: string): Victims {
  const exe = join(directory, 'victimd');
  if (!existsSync(exe)) {
    writeFileSync(`${exe}.c`, SOURCE);
    execFileSync('gcc', ['-O1', '-w', '-o', exe, `${exe}.c`]);
  }
  const pids = () =>
    readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .filter(name => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
          return readlinkSync(`/proc/${name}/exe`) === exe && !/\) [ZX] /.test(stat);
        } catch {
          return false;
        }
      })
      .map(Number);
  onTestFinished(() => {
    for (const pid of pids())
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
  });
  return {
    exe,
    pids,
    start: (args = [], env = {}) =>
      spawn(exe, args, { stdio: 'ignore', env: { ...process.env, ...env } }).on('error', () => {}),
    run(...args) {
      try {
        execFileSync(exe, args, { stdio: 'ignore' });
        return 0;
      } catch (error) {
        return (error as { status: number | null }).status ?? -1;
      }
    },
  };
}
