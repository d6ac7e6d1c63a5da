// A host made of files: /proc, /etc and /run as a Linux would show them, changed by the test as time goes on.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const BOOT = 1_700_000_000;
/** Thousands of small files take a disk its time. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface FakeProcess {
  pid: number;
  ppid?: number;
  comm?: string;
  state?: string;
  flags?: number;
  /** Device number of the controlling terminal. */
  terminal?: number;
  /** Pid of its leader; its own without it. */
  session?: number;
  /** Seconds after boot. */
  start?: number;
  /** Ticks: own and of ended children. */
  cpu?: [user: number, system: number, childUser?: number, childSystem?: number];
  /** Minor, major, and those of ended children. */
  faults?: [minor: number, major: number, childMinor?: number, childMajor?: number];
  threads?: number;
  /** Target of `exe`; none for kernel threads and zombies. */
  exe?: string;
  /** Where its stack begins. */
  stack?: number;
  cmdline?: string[];
  uid?: number;
  cgroup?: string;
  /** In KiB, as pages of 4 have it; none without it. */
  memory?: { size: number; rss: number; anon?: number; swap?: number };
  switches?: [voluntary: number, involuntary: number];
  io?: [read: number, written: number];
  /** Links of `fd`, in order. */
  fds?: string[];
  fdLimit?: number | 'unlimited';
}

export interface FakeHost {
  readonly root: string;
  /** Unix ms. */
  now(): number;
  /** Monotonic ms since the boot, as the uptime tells it. */
  elapsed(): number;
  /** So long goes by. */
  tick(ms: number): void;
  /** Somebody sets the clock ahead by so much. */
  set(ms: number): void;
  /** Starts or changes a process. */
  run(process: FakeProcess): void;
  kill(pid: number): void;
  write(path: string, content: string, mtimeMs?: number): void;
  remove(path: string): void;
  close(): void;
}

export function createHost(): FakeHost {
  const root = mkdtempSync(join(MEMORY, 'eudaemon-host-'));
  let elapsed = 10_000_000;
  let offset = BOOT * 1000;

  const host: FakeHost = {
    root,
    now: () => offset + elapsed,
    elapsed: () => elapsed,
    tick(ms) {
      elapsed += ms;
      host.write('proc/uptime', `${(elapsed / 1000).toFixed(2)} 1.00\n`);
    },
    set(ms) {
      offset += ms;
      host.write('proc/stat', `cpu  1 2 3 4\nintr 5 6\nctxt 7\nbtime ${offset / 1000}\nprocesses 8\n`);
    },
    run(process) {
      const directory = join(root, `proc/${process.pid}`);
      host.kill(process.pid);
      mkdirSync(join(directory, 'fd'), { recursive: true });
      const write = (name: string, content: string) => writeFileSync(join(directory, name), content);
      write('stat', statOf(process));
      write('status', statusOf(process));
      write('statm', statmOf(process));
      write('cmdline', (process.cmdline ?? []).map(each => `${each}\0`).join(''));
      write('cgroup', process.cgroup ?? '0::/\n');
      const [read, written] = process.io ?? [0, 0];
      write(
        'io',
        `rchar: 1\nwchar: 1\nread_bytes: ${read}\nwrite_bytes: ${written}\ncancelled_write_bytes: 7\n`,
      );
      write(
        'limits',
        `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${process.fdLimit ?? 1024}                 4096                 files     \n`,
      );
      for (const [fd, target] of (process.fds ?? []).entries())
        symlinkSync(target, join(directory, `fd/${fd}`));
      if (process.exe !== undefined) symlinkSync(process.exe, join(directory, 'exe'));
    },
    kill: pid => host.remove(`proc/${pid}`),
    write(path, content, mtimeMs) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      if (mtimeMs !== undefined) utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    },
    remove: path => rmSync(join(root, path), { recursive: true, force: true }),
    close: () => rmSync(root, { recursive: true, force: true }),
  };
  host.set(0);
  host.tick(0);
  return host;
}

/** /proc/PID/stat: fields 1 to 24 and some of the rest. */
export function statOf(process: FakeProcess): string {
  const { pid, ppid = 1, comm = 'daemon', state = 'S', flags = 4194304, start = 0, threads = 1 } = process;
  const { session = pid, terminal = 0, stack = 0 } = process;
  const [minor, major, childMinor = 0, childMajor = 0] = process.faults ?? [0, 0];
  const [user, system, childUser = 0, childSystem = 0] = process.cpu ?? [0, 0];
  const pages = Math.round((process.memory?.rss ?? 1000) / 4);
  return (
    `${pid} (${comm}) ${state} ${ppid} ${pid} ${session} ${terminal} -1 ${flags} ${minor} ${childMinor} ${major} ${childMajor} ` +
    `${user} ${system} ${childUser} ${childSystem} 20 0 ${threads} 0 ${Math.round(start * 100)} 1000000 ${pages} ` +
    `18446744073709551615 1 1 ${stack} 0 0 0 0 0 0 0 0 0 17 0 0 0\n`
  );
}

/** /proc/PID/statm; an old kernel, which does not tell anonymous memory apart, counts all of it as shared. */
function statmOf({ memory }: FakeProcess): string {
  const { size, rss, anon = 0 } = memory ?? { size: 0, rss: 0 };
  const pages = (kibibytes: number) => Math.round(kibibytes / 4);
  return `${pages(size)} ${pages(rss)} ${pages(rss - anon)} 1 0 2 0\n`;
}

function statusOf({
  pid,
  ppid = 1,
  comm = 'daemon',
  uid = 0,
  memory,
  switches = [0, 0],
}: FakeProcess): string {
  const lines = [`Name:\t${comm}`, `Pid:\t${pid}`, `PPid:\t${ppid}`, `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`];
  if (memory) {
    lines.push(`VmSize:\t${memory.size} kB`, `VmRSS:\t${memory.rss} kB`);
    if (memory.anon !== undefined) lines.push(`RssAnon:\t${memory.anon} kB`);
    lines.push(`VmSwap:\t${memory.swap ?? 0} kB`);
  }
  lines.push(`voluntary_ctxt_switches:\t${switches[0]}`, `nonvoluntary_ctxt_switches:\t${switches[1]}`);
  return `${lines.join('\n')}\n`;
}
