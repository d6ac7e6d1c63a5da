// Real senders of syslog: logger(1), syslog(3) through perl, and raw datagrams of any bytes.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

/** Runs a program to its end; resolves to its pid, and fails with its output when it does not exit 0. */
export async function runToEnd(program: string, args: readonly string[], input?: string): Promise<number> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', chunk => output.push(chunk));
  child.stderr.on('data', chunk => output.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const code = await new Promise((end, fail) => child.once('error', fail).once('close', end));
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${Buffer.concat(output)}`);
  return child.pid!;
}

/** logger(1) with a line on its standard input; it lives until the test ends. */
export function keepLogging(socket: string, tag: string, line: string): void {
  const child = spawn('logger', ['--socket', socket, '--tag', tag], { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill());
  child.stdin.write(`${line}\n`);
}

/** logger(1) to a Unix datagram socket; its pid. */
export const logger = (socket: string, ...args: string[]): Promise<number> =>
  runToEnd('logger', ['--socket', socket, ...args]);

const SEND = `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
setsockopt($s, SOL_SOCKET, SO_SNDBUF, 1 << 20);
connect($s, sockaddr_un($ARGV[0])) or die "connect: $!";
while (<STDIN>) { chomp; defined(send($s, pack("H*", $_), 0)) or die "send: $!" }`;

/** Sends datagrams in order from one process; its pid. The kernel makes it wait when the receiver's queue is full. */
export const sendDatagrams = (socket: string, datagrams: Iterable<string | Uint8Array>): Promise<number> =>
  runToEnd(
    'perl',
    ['-e', SEND, socket],
    Array.from(datagrams, datagram => `${Buffer.from(datagram as string).toString('hex')}\n`).join(''),
  );

/** Runs a program in a mount namespace where /dev/log is `socket`; its pid. Needs root. */
export const alone = (socket: string, program: string, ...args: string[]): Promise<number> =>
  runToEnd('unshare', [
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && ln -s "$0" /dev/log && exec "$@"',
    socket,
    program,
    ...args,
  ]);

/** Runs perl code that uses syslog(3) there; its pid. */
export const syslog3 = (socket: string, code: string): Promise<number> =>
  alone(socket, 'perl', '-MSys::Syslog=:standard,:macros', '-e', code);

/** socat as a datagram receiver that appends what comes to a file. */
export async function logDatagrams(socket: string, file: string): Promise<void> {
  const child = spawn('socat', ['-u', `UNIX-RECV:${socket}`, `OPEN:${file},creat,append`], {
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await until('socat listens', () => existsSync(socket));
}

const STREAM = `use Socket; $SIG{PIPE} = "IGNORE"; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
connect($s, sockaddr_un($ARGV[0])) or die "connect: $!";
my $n = 0; $n++ while defined(send($s, "<13>seq: number $n", 0)); print $n`;

/** Sends `number 0`, `number 1`, … until the receiver is gone; how many the kernel took. */
export const sendUntilRefused = (socket: string): Promise<number> =>
  new Promise((sent, fail) => {
    execFile('perl', ['-e', STREAM, socket], (error, stdout) => (error ? fail(error) : sent(Number(stdout))));
  });

const NUMBERS = `use Socket; use Time::HiRes qw(sleep); $SIG{PIPE} = "IGNORE"; my $on = 1; $SIG{TERM} = sub { $on = 0 };
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!"; connect($s, sockaddr_un($ARGV[0])) or die "connect: $!";
my $n = 0;
while ($on && $n < $ARGV[1]) {
  if (defined(send($s, "<13>seq: number $n", 0))) { $n++; sleep(0.001) } elsif (!$!{EINTR}) { die "send $n: $!" }
}
print $n`;

export interface Numbers {
  /** Ends it, if it has not ended; how many were sent. Fails when one was refused. */
  stop(): Promise<number>;
  readonly ended: Promise<number>;
}

/** Sends `number 0`, `number 1`, … over one connected socket, nearly a thousand a second, up to `limit`. */
export function sendNumbers(socket: string, limit = 1e9): Numbers {
  const child = spawn('perl', ['-e', NUMBERS, socket, String(limit)], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output: Buffer[] = [];
  child.stdout.on('data', chunk => output.push(chunk));
  child.stderr.on('data', chunk => output.push(chunk));
  const ended = new Promise<number>((end, fail) => {
    child.once('close', code =>
      code === 0 ? end(Number(Buffer.concat(output))) : fail(new Error(String(Buffer.concat(output)))),
    );
  });
  ended.catch(() => {});
  return {
    ended,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
