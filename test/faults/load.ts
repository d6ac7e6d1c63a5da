// Load that outlives agents: senders that number what they send and go on until they are told to stop.
import { spawn } from 'node:child_process';
import { appendFileSync, renameSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { ReceivedRecord } from '../receiver.ts';

export interface Load {
  /** Stops it; resolves with how many were handed over: `0` to this, without a hole. */
  stop(): Promise<number>;
}

/** `burst` datagrams every 10 ms; what the kernel does not take is waited for. */
const DATAGRAMS = `use Socket; use Time::HiRes "sleep"; $SIG{PIPE} = "IGNORE"; my $stop = 0; $SIG{TERM} = sub { $stop = 1 };
my ($path, $burst, $text) = @ARGV; my $s; my $n = 0; my $to = sockaddr_un($path);
socket($s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
until ($stop) { for (1 .. $burst) { last if $stop;
  my $sent = send($s, "<13>seq: datagram $n $text", 0, $to); if (defined $sent) { $n++ } else { sleep 0.005; redo unless $stop } }
  sleep 0.01 }
print $n`;

export function sendDatagramsOn(socket: string, burst: number, text = ''): Load {
  const child = spawn('perl', ['-e', DATAGRAMS, socket, String(burst), text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output: Buffer[] = [];
  child.stdout.on('data', chunk => output.push(chunk));
  const ended = new Promise(end => child.once('close', end));
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return Number(Buffer.concat(output).toString());
    },
  };
}

/** `burst` lines every 10 ms; every `rotateEvery` lines the file gets another name, and a new one takes its place. */
export function writeLinesOn(file: string, burst: number, rotateEvery: number): Load {
  let lines = 0;
  let turns = 0;
  const timer = setInterval(() => {
    appendFileSync(file, Array.from({ length: burst }, () => `line ${lines++}\n`).join(''));
    if (lines >= rotateEvery * (turns + 1)) renameSync(file, `${file}.${++turns}`);
  }, 10);
  onTestFinished(() => clearInterval(timer));
  return {
    stop: async () => {
      clearInterval(timer);
      return lines;
    },
  };
}

export interface Arrived {
  /** Numbers of `WORD N …` that arrived, each once, in order of size. */
  readonly numbers: number[];
  /** Records beyond the first of their number. */
  readonly duplicates: number;
}

/**
 * What arrived of a load. Throws when a backend that goes by `log.record.uid` would see it otherwise: when records of one
 * number differ in it, or records of two numbers share one.
 */
export function arrivedOf(records: readonly ReceivedRecord[], word: string): Arrived {
  const uids = new Map<number, string>();
  const owners = new Map<string, number>();
  let count = 0;
  for (const { body, attributes } of records) {
    const [what, number] = String(body).split(' ');
    if (what !== word) continue;
    const n = Number(number);
    const uid = String(attributes['log.record.uid']);
    count++;
    if ((uids.get(n) ?? uid) !== uid) throw new Error(`${word} ${n} has the uids ${uids.get(n)} and ${uid}`);
    if ((owners.get(uid) ?? n) !== n)
      throw new Error(`${word} ${n} and ${owners.get(uid)} share the uid ${uid}`);
    uids.set(n, uid);
    owners.set(uid, n);
  }
  const numbers = [...uids.keys()].sort((a, b) => a - b);
  return { numbers, duplicates: count - numbers.length };
}

/** `0` to `count - 1` that did not arrive, a few of them. */
export function missingOf({ numbers }: Arrived, count: number): number[] {
  const there = new Set(numbers);
  const missing: number[] = [];
  for (let n = 0; n < count && missing.length < 10; n++) if (!there.has(n)) missing.push(n);
  return missing;
}
