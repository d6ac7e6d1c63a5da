// Receivers under measurement: what comes out at their other end, how fast, and for how much CPU.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Cpu, cpuOf, type Memory, memoryOf, type Program, startOwn } from './process.ts';
import { printTable } from './table.ts';

export interface Arrivals {
  readonly count: number;
  /** When the last one came, Unix ms. */
  readonly last: number;
  /** ms that half and 99 % of those with a time in them had taken at most, where that is measured. */
  readonly p50?: number;
  readonly p99?: number;
}

export interface Receiver {
  readonly program: Program;
  /** Takes what comes out, where that is a program of its own. */
  readonly sink?: Program;
  /** Messages that have come out at the other end since its start. */
  arrivals(): Arrivals | Promise<Arrivals>;
  stop(): Promise<void>;
}

export interface IntoSink<P extends Program> extends Receiver {
  readonly program: P;
  /** The sink answers nothing for so long. */
  pause(ms: number): Promise<void>;
}

/** Something that sends OTLP to a sink of its own. */
export async function intoSink<P extends Program>(
  begin: (port: string) => P | Promise<P>,
  ...args: string[]
): Promise<IntoSink<P>> {
  const sink = startOwn('sink.ts', ...args);
  const port = await sink.line();
  const program = await begin(port);
  return {
    program,
    sink,
    async pause(ms) {
      await fetch(`http://127.0.0.1:${port}/pause/${ms}`);
    },
    async arrivals() {
      const answer = await fetch(`http://127.0.0.1:${port}`);
      const { records, ...rest } = (await answer.json()) as { records: number; last: number };
      return { count: records, ...rest };
    },
    async stop() {
      await program.stop();
      await sink.stop();
    },
  };
}

/** Lines of a file, counted as it grows. */
export function countLines(file: string): () => Arrivals {
  const chunk = Buffer.alloc(1 << 20);
  let count = 0;
  let offset = 0;
  return () => {
    if (!existsSync(file)) return { count: 0, last: 0 };
    const fd = openSync(file, 'r');
    const { size, mtimeMs } = fstatSync(fd);
    while (offset < size) {
      const read = chunk.subarray(0, readSync(fd, chunk, 0, chunk.length, offset));
      for (let at = read.indexOf(10); at >= 0; at = read.indexOf(10, at + 1)) count++;
      offset += read.length;
    }
    closeSync(fd);
    return { count, last: mtimeMs };
  };
}

/** What a receiver took for the messages, or lines, between `before` and `after`. */
export interface Figures {
  readonly offered: number;
  readonly arrived: number;
  readonly perSecond: number;
  /** µs for each that arrived. */
  readonly cpu: Cpu;
  /** The most there was at any time. */
  readonly memory: Memory;
  /** µs that the sink took for each, user and system; 0 without one. It shares the cores. */
  readonly sink: number;
}

/** The middle of each figure, for itself. */
export function median(rounds: readonly Figures[]): Figures {
  const of = (figure: (each: Figures) => number) => {
    const sorted = rounds.map(figure).sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  };
  return {
    offered: of(({ offered }) => offered),
    arrived: of(({ arrived }) => arrived),
    perSecond: of(({ perSecond }) => perSecond),
    cpu: { user: of(({ cpu }) => cpu.user), system: of(({ cpu }) => cpu.system) },
    memory: { total: of(({ memory }) => memory.total), anonymous: of(({ memory }) => memory.anonymous) },
    sink: of(({ sink }) => sink),
  };
}

/** Looks at the memory of a tree ten times a second; `stop()` tells the most of it. */
function watchMemory(pid: number): { stop(): Memory } {
  let most: Memory = { total: 0, anonymous: 0 };
  const look = () => {
    const { total, anonymous } = memoryOf(pid);
    most = { total: Math.max(most.total, total), anonymous: Math.max(most.anonymous, anonymous) };
  };
  const timer = setInterval(look, 100);
  return {
    stop() {
      clearInterval(timer);
      look();
      return most;
    },
  };
}

/** On a busy disk nothing arrives for a while, although all will. */
const STILL_MS = 5000;
/** The first message may have to wait for its receiver. */
const FIRST_MS = 60_000;

/** Resolves when all have arrived, or when nothing has for long. */
async function settle(receiver: Receiver, total: number): Promise<Arrivals> {
  const begin = Date.now();
  for (let seen = await receiver.arrivals(); ; ) {
    await pause(20);
    const now = await receiver.arrivals();
    const still = now.count === seen.count && now.count > 0 && Date.now() - now.last > STILL_MS;
    if (now.count >= total || still) return now;
    if (now.count === 0 && Date.now() - begin > FIRST_MS) throw new Error('nothing arrives');
    seen = now;
  }
}

/** Offers `warm` and then `offered` messages; only the second run is measured. */
export async function measure(
  receiver: Receiver,
  warm: number,
  offered: number,
  offer: (count: number) => void | Promise<void>,
): Promise<Figures> {
  const { pid } = receiver.program;
  const sinkCpu = () => (receiver.sink ? cpuOf(receiver.sink.pid) : { user: 0, system: 0 });
  await offer(warm);
  const first = await settle(receiver, warm);
  const before = cpuOf(pid);
  const sinkBefore = sinkCpu();
  const watch = watchMemory(pid);
  const begin = Date.now();
  await offer(offered);
  const { count, last } = await settle(receiver, first.count + offered);
  const after = cpuOf(pid);
  const sinkAfter = sinkCpu();
  const memory = watch.stop();
  await receiver.stop();
  const arrived = count - first.count;
  const each = (from: number, to: number) => ((to - from) / arrived) * 1e6;
  return {
    offered,
    arrived,
    perSecond: (arrived / (last - begin)) * 1000,
    cpu: { user: each(before.user, after.user), system: each(before.system, after.system) },
    memory,
    sink: each(sinkBefore.user, sinkAfter.user) + each(sinkBefore.system, sinkAfter.system),
  };
}

/** One row a receiver, with its ratios to ours. */
export function printFigures(title: string, unit: string, figures: ReadonlyMap<string, Figures>): void {
  const own = figures.get('eudaemon');
  const total = ({ cpu }: Figures) => cpu.user + cpu.system;
  printTable(
    title,
    [
      '',
      `${unit}s/s`,
      'lost',
      `CPU µs a ${unit}`,
      'user',
      'system',
      'RSS MiB',
      'anon',
      'sink µs',
      'CPU : ours',
      'rate : ours',
    ],
    [...figures].map(([name, each]) => [
      name,
      each.perSecond.toFixed(0),
      `${((1 - each.arrived / each.offered) * 100).toFixed(1)}%`,
      total(each).toFixed(2),
      each.cpu.user.toFixed(2),
      each.cpu.system.toFixed(2),
      each.memory.total.toFixed(0),
      each.memory.anonymous.toFixed(0),
      each.sink > 0 ? each.sink.toFixed(2) : '',
      own ? (total(each) / total(own)).toFixed(2) : '',
      own ? (each.perSecond / own.perSecond).toFixed(2) : '',
    ]),
  );
}
