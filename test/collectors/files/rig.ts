// A collector of files on a real directory, with a clock of its own and a sink that keeps what it was given.
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { AgentEvent, RecordSink, StreamRoom } from '../../../agent/core/collector.ts';
import type { DaemonSpec } from '../../../agent/core/daemon.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins, type LogRecord } from '../../../agent/core/record.ts';
import { createFollower, type Follower } from '../../../collectors/files/follow.ts';
import { DEFAULTS, type FilesEntry } from '../../../collectors/files/options.ts';
import type { Pods } from '../../../collectors/files/pods.ts';
import { createSources } from '../../../collectors/files/sources.ts';
import { createWriters } from '../../../collectors/files/writers.ts';

/** A record as a receiver of OTLP sees it. */
export function received(record: LogRecord): DecodedRecord {
  const w = new ProtoWriter();
  encodeRecord(w, record);
  const resource = encodeResource(record.origin, []);
  return [...decodeLogs(sealRequest([{ resource, records: w.copy() }]))][0]!;
}

/** A file system in memory, where there is one that keeps times of birth: to sync costs nothing there. */
export const MEMORY = statSync('/dev/shm', { throwIfNoEntry: false })?.birthtimeMs ? '/dev/shm' : tmpdir();

export class Rig {
  readonly top: string;
  readonly dir: string;
  private readonly proc: string;
  /** Every record of every run. */
  readonly records: DecodedRecord[] = [];
  readonly lost: string[] = [];
  readonly events: AgentEvent[] = [];
  readonly messages: string[] = [];
  readonly meter = createMeter();
  readonly room: StreamRoom;
  entries: FilesEntry[] = [];
  daemons: DaemonSpec[] = [];
  /** Who knows the labels of pods. */
  pods: Pods | undefined;
  now = Date.UTC(2026, 10, 1);
  /** Records the sink takes until it says that it is full. */
  space = Number.POSITIVE_INFINITY;
  follower: Follower | undefined;
  pushed = 0;
  private safe = 0;
  /** Records that the checkpoint knows of. */
  noted = 0;
  private checkpoint = 0;

  constructor(options: { root?: (dir: string) => string; dir?: string } = {}) {
    this.top = mkdtempSync(join(options.dir ?? tmpdir(), 'eudaemon-files-'));
    this.dir = join(this.top, 'log');
    this.proc = join(this.top, 'proc/4711');
    mkdirSync(this.dir);
    const { messages } = this;
    const write = (message: string) => messages.push(message);
    const log = { debug() {}, info: write, warn: write, error: write, room: () => log };
    const self = this;
    this.room = {
      name: 'files',
      root: options.root?.(this.top) ?? '/',
      stateDir: join(this.top, 'state'),
      runDir: this.top,
      log,
      meter: this.meter,
      patterns: createPatterns(),
      origins: createOrigins(),
      events: { emit: event => this.events.push(event) },
      held: [],
      legacy: [],
      now: () => this.now,
      daemons: {
        get declared() {
          return self.daemons;
        },
        ofProcess: () => undefined,
        ofPid: () => undefined,
        ofIdentifier: tag => this.daemons.find(({ logs }) => logs.identifiers.includes(tag))?.name,
        ofFile: path => this.daemons.find(each => this.room.patterns.glob(each.logs.files)(path))?.name,
      },
    };
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Follows what an entry with these keys names, globs in the directory. */
  follow(entry: Partial<FilesEntry> & { include: string[] }): void {
    this.entries.push({ ...DEFAULTS, ...entry, include: entry.include.map(glob => this.path(glob)) });
  }

  start(): void {
    this.pushed = 0;
    const self = this;
    const out: RecordSink = {
      get pushed() {
        return self.pushed;
      },
      push: record => {
        this.records.push(received(record));
        this.pushed++;
        return --this.space > 0;
      },
      drop: () => {},
      lost: (reason, estimate) => this.lost.push(`${reason} ${estimate}`),
      settle() {},
    };
    this.follower = createFollower(
      createSources(this.entries, this.room, () => this.pods),
      this.room,
      out,
      () => {},
      createWriters(this.top),
    );
    this.turn(0);
  }

  /** Lets time pass in steps of a look, `every` ms apart, and reads all there is to read. */
  turn(ms = 250, every = 250): void {
    for (let left = ms; this.follower !== undefined; left -= every) {
      this.now += Math.min(every, Math.max(0, left));
      this.follower.look(this.now);
      while (this.follower.turn(this.now));
      this.note();
      if (left <= every) return;
    }
  }

  /** The kernel told that the files at these paths changed. */
  hint(paths: readonly string[]): void {
    this.follower?.glance(paths, ++this.now);
    while (this.follower?.turn(this.now));
    this.note();
  }

  /** Bytes that are not read, as the gauge tells. */
  get lag(): number {
    const family = [...this.meter.families()].find(({ desc }) => desc.name === 'eudaemon.tail.lag')!;
    return [...family.points].reduce((sum, { value }) => sum + value, 0);
  }

  /** Waits until compressed files are whole, and all there is to read is unpacked, also of those found meanwhile. */
  async unpack(): Promise<void> {
    do {
      for (this.turn(3000); this.lag > 0; this.turn(1)) await new Promise(done => setImmediate(done));
      this.turn();
    } while (this.lag > 0);
  }

  /** From now on /proc tells that a process has this descriptor open. */
  writes(fd: number): void {
    mkdirSync(join(this.proc, 'fd'), { recursive: true });
    mkdirSync(join(this.proc, 'fdinfo'), { recursive: true });
    writeFileSync(join(this.proc, 'comm'), 'writer\n');
    symlinkSync(`/proc/self/fd/${fd}`, join(this.proc, `fd/${fd}`));
    writeFileSync(join(this.proc, `fdinfo/${fd}`), readFileSync(`/proc/self/fdinfo/${fd}`));
  }

  closes(fd: number): void {
    closeSync(fd);
    rmSync(join(this.proc, `fd/${fd}`));
  }

  /** All that was pushed is safe. */
  commit(): void {
    this.safe = this.records.length;
    this.follower?.committed(this.pushed, this.now);
  }

  stop(): void {
    this.follower?.close(this.now);
    this.commit();
    this.note();
    this.follower = undefined;
  }

  private note(): void {
    const ino = statSync(join(this.room.stateDir, 'checkpoints.json'), { throwIfNoEntry: false })?.ino ?? 0;
    if (ino !== this.checkpoint) this.noted = this.safe;
    this.checkpoint = ino;
  }

  /** Ends at once, as SIGKILL does. */
  kill(): void {
    this.follower = undefined;
  }

  /** Ends at once, and of what was pushed only that is left which was said to be safe. */
  crash(): void {
    this.kill();
    this.records.length = this.safe;
  }

  /** While the disk is full no checkpoint can be saved. */
  fillDisk(isFull: boolean): void {
    const inTheWay = join(this.room.stateDir, 'checkpoints.json.tmp');
    rmSync(inTheWay, { recursive: true, force: true });
    if (isFull) mkdirSync(inTheWay, { recursive: true });
  }

  get bodies(): string[] {
    return this.records.map(record => String(record.body));
  }

  /** Bodies that came more than once, under different ids. */
  get twins(): string[] {
    const ids = new Map<string, unknown>();
    return this.records.flatMap(({ body, attributes }) => {
      const id = attributes['log.record.uid'];
      const before = ids.get(String(body));
      ids.set(String(body), id);
      return before === undefined || before === id ? [] : [String(body)];
    });
  }

  /** Waits until the clock of the file system has moved on. */
  tick(): void {
    const probe = join(this.top, 'probe');
    const stamp = () => {
      writeFileSync(probe, 'x');
      return statSync(probe).mtimeMs;
    };
    for (const before = stamp(); stamp() === before; );
  }

  remove(): void {
    this.follower?.close(this.now);
    rmSync(this.top, { recursive: true, force: true });
  }
}
