// Whatever happens to a log between looks, every line comes out once, whole, and in its order: random actions on a real
// directory against a model that only remembers what was written.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MEMORY, Rig } from './rig.ts';

/** `RUNS=5000 npm test -- rotation.property` takes its time. */
const RUNS = Number(process.env['RUNS'] ?? 250);

const ACTIONS = [
  'write',
  'piece',
  'look',
  'hint',
  'commit',
  'quiet',
  'rename',
  'copytruncate',
  'delete',
  'replace',
  'recreate',
  'swap',
  'late',
  'gzip',
  'neighbour',
  'full',
  'disk',
  'stop',
  'kill',
  'start',
] as const;
type Action = (typeof ACTIONS)[number];

/** Sequences of some of the actions, whichever: among all of them those that rotate get lost. */
const SEQUENCES = fc
  .subarray([...ACTIONS])
  .chain(some => fc.array(fc.constantFrom<Action[]>('write', ...some), { maxLength: 30, size: 'max' }));

const wordsOf = (bodies: readonly string[]) => bodies.flatMap(body => body.match(/w\d+\./g) ?? []);

/** Words are unique; a line is one word or several written in pieces. */
class Writer {
  readonly rig = new Rig({ dir: MEMORY });
  /** Words written, in order; those that nobody had a chance to read may be missing. */
  readonly words: string[] = [];
  readonly excused = new Set<string>();
  /** Those without a newline: at the end of a file they come when it has been quiet. */
  readonly pieces = new Set<string>();
  /** Words that may come again: when the agent was killed no checkpoint knew that they are safe. */
  readonly again = new Set<string>();
  /** No look has seen a file at the path: what is rotated away from it now was never heard of. */
  private isUnheard = true;
  private count = 0;
  private rotated = 0;
  /** Whether the file that was last rotated is the one that was written to, and no copy. */
  private isMoved = false;
  /** Nobody has heard of that file. */
  private isLost = false;
  private isDiskFull = false;
  private readonly log = this.rig.path('app.log');
  private readonly include: string;
  private readonly gzip: boolean;

  constructor(include: string, gzip: boolean) {
    this.include = include;
    this.gzip = gzip;
  }

  word(): string {
    const word = `w${this.count++}.`;
    this.words.push(word);
    return word;
  }

  run(action: Action): void {
    const { rig, log } = this;
    switch (action) {
      case 'write':
        for (let i = 0; i < 3; i++) appendFileSync(log, `${this.word()}\n`);
        return;
      case 'piece':
        this.pieces.add(this.word());
        appendFileSync(log, this.words.at(-1)!);
        return;
      case 'look':
        this.turn(250);
        return;
      case 'hint':
        rig.hint([log, rig.path('other.log')]);
        return;
      case 'commit':
        this.turn(0);
        rig.commit();
        this.turn(1000);
        return;
      case 'quiet':
        this.turn(6000);
        return;
      case 'rename':
        if (!existsSync(log)) return;
        rig.tick();
        if (this.isUnheard && this.include === 'app.log') this.excuse();
        this.shift();
        renameSync(log, `${log}.1`);
        this.isMoved = true;
        this.isLost = this.isUnheard && this.include === 'app.log';
        if (this.count % 2 === 0) writeFileSync(log, '');
        rig.tick();
        return;
      case 'copytruncate':
        if (!existsSync(log)) return;
        rig.tick();
        if (this.isUnheard && this.include === 'app.log') this.excuse();
        this.shift();
        copyFileSync(log, `${log}.1`);
        truncateSync(log);
        this.isMoved = false;
        rig.tick();
        return;
      case 'delete':
        this.turn(250);
        this.excuse();
        rmSync(log, { force: true });
        this.isUnheard = true;
        rig.tick();
        return;
      case 'replace':
        this.turn(250);
        this.excuse();
        rig.tick();
        writeFileSync(`${log}.new`, `${this.word()}\n`);
        renameSync(`${log}.new`, log);
        rig.tick();
        return;
      case 'recreate':
        this.turn(250);
        this.excuse();
        rmSync(log, { force: true });
        rig.tick();
        writeFileSync(log, `${this.word()}\n`);
        rig.tick();
        return;
      case 'swap': {
        const isLink = lstatSync(log, { throwIfNoEntry: false })?.isSymbolicLink();
        if (!isLink) this.turn(250);
        if (!isLink || this.isUnheard) this.excuse();
        rig.tick();
        const target = rig.path(`target${this.count}`);
        writeFileSync(target, `${this.word()}\n`);
        symlinkSync(target, `${log}.link`);
        renameSync(`${log}.link`, log);
        this.isUnheard = true;
        rig.tick();
        return;
      }
      case 'late': {
        if (!this.isMoved || !existsSync(`${log}.1`)) return;
        const word = this.word();
        this.pieces.add(word);
        if (this.isLost) this.excused.add(word);
        rig.tick();
        appendFileSync(`${log}.1`, `${word}\n`);
        return;
      }
      case 'gzip': {
        const file = this.rotations().findLast(each => !each.endsWith('.gz'));
        if (file === undefined) return;
        if (!this.gzip) {
          this.turn(250);
          this.excuse(file);
        }
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
        rmSync(file);
        rig.tick();
        return;
      }
      case 'neighbour': {
        const other = rig.path('other.log');
        appendFileSync(other, `${this.word()}\n`);
        this.pieces.add(this.words.at(-1)!);
        rig.tick();
        copyFileSync(other, `${other}.${this.count}`);
        truncateSync(other);
        return;
      }
      case 'disk':
        this.isDiskFull = !this.isDiskFull;
        rig.fillDisk(this.isDiskFull);
        return;
      case 'full':
        this.turn(250);
        rig.space = 2;
        this.turn(250);
        rig.space = Number.POSITIVE_INFINITY;
        rig.follower?.resume();
        return;
      case 'stop':
        if (rig.follower === undefined) return;
        rig.stop();
        // Where a checkpoint cannot be saved a stop is no better than a kill.
        if (this.isDiskFull) this.end();
        return;
      case 'kill':
        if (rig.follower === undefined) return;
        this.end();
        rig.crash();
        return;
      case 'start':
        if (rig.follower !== undefined) return;
        // Without a checkpoint it is the first start: rotated files are nobody's business.
        if (this.include === 'app.log' && !existsSync(join(rig.room.stateDir, 'checkpoints.json')))
          for (const file of [...this.rotations(), ...this.copies()]) this.excuse(file);
        rig.start();
        this.turn(0);
        return;
    }
  }

  /** The agent ends and cannot note down where. */
  private end(): void {
    for (const word of wordsOf(this.rig.bodies.slice(this.rig.noted))) this.again.add(word);
  }

  private turn(ms: number): void {
    // Of what it could not note down it knows nothing after a kill.
    if (this.rig.follower !== undefined && existsSync(this.log) && !this.isDiskFull) this.isUnheard = false;
    this.rig.turn(ms);
  }

  /** What nobody could read of the file need not come. */
  private excuse(file = this.log): void {
    this.rig.commit();
    if (!existsSync(file)) return;
    const bytes = readFileSync(file);
    const content = String(file.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    for (const word of content.match(/w\d+\./g) ?? []) if (!this.came(word)) this.excused.add(word);
  }

  private came(word: string): boolean {
    return this.rig.bodies.some(body => body.includes(word));
  }

  /** Copies of the neighbour. */
  private copies(): string[] {
    return readdirSync(this.rig.dir)
      .filter(name => name.startsWith('other.log.'))
      .map(name => this.rig.path(name));
  }

  /** Rotated files, the youngest first. */
  private rotations(): string[] {
    const names = Array.from({ length: this.rotated }, (_, i) => `${this.log}.${i + 1}`);
    return names.flatMap(name => [name, `${name}.gz`]).filter(name => existsSync(name));
  }

  private shift(): void {
    for (const file of this.rotations().reverse())
      renameSync(
        file,
        file.replace(/\d+(?=$|\.gz$)/, number => `${Number(number) + 1}`),
      );
    this.rotated++;
  }
}

interface Following {
  readonly include: string;
  readonly gzip: boolean;
  /** Records of several words, which are held until they are complete. */
  readonly joins: boolean;
}

async function run({ include, gzip, joins }: Following, actions: readonly Action[]): Promise<void> {
  const writer = new Writer(include, gzip);
  const { rig } = writer;
  try {
    rig.follow({
      include: [include, 'other.log'],
      start_at: 'beginning',
      compressed: gzip ? 'read' : 'skip',
      ...(joins && { multiline: { start: '^w\\d*[05]\\.' } }),
    });
    rig.start();
    for (const action of actions) {
      writer.run(action);
      if (gzip && action === 'quiet' && rig.follower) await rig.unpack();
    }
    writer.run('start');
    rig.turn(20_000);
    if (gzip) await rig.unpack();
    rig.turn(3000);
    const came = wordsOf(rig.bodies);
    expect(writer.words.filter(word => !came.includes(word) && !writer.excused.has(word))).toEqual([]);
    expect(rig.bodies.join('').replace(/w\d+\.|\n/g, '')).toBe('');
    expect(came.filter((word, i) => came.indexOf(word) !== i && !writer.again.has(word))).toEqual([]);
    // A copy that is read in place of its log is another file, and so are its records.
    const copying: Action[] = ['copytruncate', 'neighbour', 'gzip'];
    if (!copying.some(action => actions.includes(action))) expect(rig.twins).toEqual([]);
    const ordered = (words: readonly string[]) =>
      words.filter((word, i) => came.includes(word) && !writer.pieces.has(word) && words.indexOf(word) === i);
    if (include === 'app.log' && !gzip) expect(ordered(came)).toEqual(ordered(writer.words));
  } finally {
    rig.remove();
  }
}

/** Each lost or repeated lines once, or gave them in another order. */
const FOUND: Action[][] = [
  ['swap', 'copytruncate', 'gzip', 'write', 'stop', 'swap'],
  ['write', 'copytruncate', 'start', 'write', 'copytruncate'],
  ['write', 'copytruncate', 'look', 'write', 'copytruncate'],
  ['write', 'copytruncate', 'start', 'rename', 'write'],
  ['write', 'commit', 'rename', 'quiet', 'write', 'write', 'rename'],
  ['write', 'copytruncate', 'replace', 'commit', 'copytruncate', 'stop'],
  ['write', 'recreate', 'write', 'rename', 'quiet', 'gzip', 'recreate', 'rename'],
  ['write', 'replace', 'rename', 'late', 'write', 'rename'],
  ['write', 'commit', 'piece', 'copytruncate', 'write', 'full', 'gzip', 'stop'],
  ['write', 'rename', 'write', 'gzip', 'write', 'commit', 'write', 'rename', 'commit', 'gzip', 'rename'],
  ['write', 'look', 'rename', 'write', 'gzip', 'write', 'write', 'rename', 'look', 'gzip'],
  ['write', 'write', 'rename', 'look', 'rename', 'write', 'full', 'late', 'copytruncate'],
  ['write', 'replace', 'stop', 'rename', 'recreate', 'late', 'rename'],
  ['write', 'commit', 'rename', 'late', 'commit', 'write', 'rename'],
  ['write', 'look', 'copytruncate', 'write', 'copytruncate', 'write', 'rename'],
  ['swap', 'full', 'copytruncate', 'write', 'copytruncate', 'write', 'swap'],
  ['write', 'copytruncate', 'gzip', 'write', 'copytruncate', 'look', 'gzip'],
  ['write', 'copytruncate', 'gzip', 'look', 'rename', 'late', 'write', 'look', 'gzip'],
  [
    'write',
    'copytruncate',
    'gzip',
    'write',
    'write',
    'copytruncate',
    'piece',
    'recreate',
    'copytruncate',
    'gzip',
  ],
  ['write', 'commit', 'copytruncate', 'write', 'rename', 'gzip', 'gzip'],
  ['write', 'kill', 'start', 'kill', 'rename', 'gzip', 'start', 'write', 'rename'],
  ['write', 'commit', 'write', 'copytruncate', 'look', 'kill'],
  ['write', 'look', 'copytruncate', 'look', 'gzip', 'stop'],
  ['neighbour', 'delete', 'neighbour', 'hint'],
  ['write', 'commit', 'copytruncate', 'look', 'kill'],
  ['kill', 'write', 'start', 'copytruncate', 'commit', 'kill'],
  ['write', 'commit', 'copytruncate', 'gzip', 'hint', 'stop'],
  ['write', 'full', 'copytruncate', 'gzip', 'stop'],
  ['write', 'quiet', 'copytruncate', 'stop', 'swap', 'start', 'kill'],
  ['disk', 'write', 'copytruncate', 'disk', 'look', 'look', 'write', 'hint', 'disk', 'stop'],
  ['write', 'swap', 'rename', 'neighbour', 'write', 'gzip', 'write', 'copytruncate', 'commit', 'kill'],
  ['write', 'look', 'copytruncate', 'write', 'copytruncate', 'stop', 'gzip', 'start', 'delete', 'stop'],
  ['write', 'replace', 'rename', 'commit', 'write', 'copytruncate', 'write', 'rename'],
  ['write', 'look', 'write', 'rename', 'write', 'late', 'rename'],
  ['swap', 'kill', 'start', 'rename', 'kill', 'swap', 'late', 'rename'],
];

describe.each<Following>([
  { include: 'app.log', gzip: false, joins: false },
  { include: 'app.log*', gzip: false, joins: true },
  { include: 'app.log', gzip: true, joins: true },
  { include: 'app.log*', gzip: true, joins: false },
])('the files of $include, compressed ones read: $gzip, lines joined: $joins,', following => {
  it(
    'give every line once, whatever is done to them',
    async () => {
      await fc.assert(
        fc.asyncProperty(SEQUENCES, actions => run(following, actions)),
        { numRuns: RUNS, examples: FOUND.map(actions => [actions]) },
      );
    },
    20_000 + RUNS * 200,
  );
});
