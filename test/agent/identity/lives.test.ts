// Random lives of one daemon's processes against a model that keeps no more than who lives and who has ended: told by
// events, and seen by looks alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DaemonState, Exit, Instance } from '../../../agent/core/daemon.ts';
import { nextStart } from '../../../agent/identity/liveness.ts';
import { createTable, type DaemonTable } from '../../../agent/identity/table.ts';
import { alone, daemon } from './specs.ts';

const T0 = 1_700_000_000_000;
const MINUTE = 60_000;

const HOW = {
  well: { reason: 'exit', code: 0 },
  status: { reason: 'exit', code: 3 },
  asked: { reason: 'signal', code: 15, signal: 'SIGTERM' },
  killed: { reason: 'signal', code: 9, signal: 'SIGKILL' },
  memory: { reason: 'oom', code: 9, signal: 'SIGKILL' },
} as const satisfies Record<string, Exit>;
type How = keyof typeof HOW;

type Step =
  | { readonly act: 'pass'; readonly seconds: number }
  | { readonly act: 'begin' }
  | { readonly act: 'look' }
  | { readonly act: 'end'; readonly which: number; readonly how: How }
  | { readonly act: 'brief'; readonly how: How };

const how = fc.constantFrom(...(Object.keys(HOW) as How[]));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constant('pass' as const), seconds: fc.oneof(fc.nat(15), fc.nat(400)) }),
  { weight: 2, arbitrary: fc.record({ act: fc.constant('begin' as const) }) },
  fc.record({ act: fc.constant('look' as const) }),
  fc.record({ act: fc.constant('end' as const), which: fc.nat(9), how }),
  fc.record({ act: fc.constant('brief' as const), how }),
);

interface Life {
  readonly pid: number;
  readonly at: number;
  placed?: boolean;
}

/** What is to be said of the daemon, worked out from the whole of what happened. */
class Model {
  now = T0;
  living: Life[] = [];
  readonly exits = { exit: 0, signal: 0, oom: 0, unknown: 0 };
  restarts = 0;
  /** Ends that nobody has taken the place of. */
  private vacant = 0;
  private crashes: number[] = [];
  private lastWell = false;
  private ended = false;
  private tried = false;
  private lastEnd = T0;
  private delays: number[] = [];
  private wished = false;

  begin(life?: Life): void {
    if (life) {
      this.living.push(life);
      this.tried = false;
    }
    if (this.vacant === 0) return;
    this.vacant--;
    if (life) life.placed = true;
    this.restarts++;
    this.delays.push(Math.max(0, (life?.at ?? this.now) - this.lastEnd));
    if (!this.wished) this.crashes.push(this.now);
  }
  /** Whether it was no instance: it ended well and soon, beside another, in nobody's place, or as the first while none runs. */
  isCommand(exit: Exit, life?: Life): boolean {
    if (exit.reason !== 'exit' || exit.code !== 0) return false;
    const beside = this.living.some(each => each !== life);
    if (life) return beside && !life.placed && this.now - life.at < 10_000;
    if (beside && this.vacant === 0) return true;
    // The first of a vacancy.
    const isFirst = !this.tried;
    this.tried = true;
    return isFirst;
  }
  /** Who has begun since, not long ago, in nobody's place. */
  reliefOf = ({ at }: Life): Life | undefined =>
    this.living.find(each => each.at > at && this.now - each.at < 10_000 && !each.placed);
  end(exit: Exit, life?: Life): void {
    this.living = this.living.filter(each => each !== life);
    const relief = life && exit.reason === 'exit' && exit.code === 0 && this.reliefOf(life);
    if (relief) {
      relief.placed = true;
      this.restarts++;
    } else this.vacant++;
    this.lastEnd = this.now;
    this.exits[exit.reason]++;
    const polite = exit.reason === 'signal' && exit.code === 15;
    const well = exit.reason === 'exit' && exit.code === 0;
    // A brief life that ends well, such as a test of the configuration, is no word on the crash before.
    this.lastWell = polite || (well && (life !== undefined || this.lastWell || !this.ended));
    this.ended = true;
    this.wished = (polite || well) && life !== undefined && this.now - life.at >= 10_000;
  }
  get state(): DaemonState {
    const { now, living } = this;
    const young = now - Math.max(...living.map(({ at }) => at)) < 2 * MINUTE;
    const often = this.crashes.filter(at => now - at < 10 * MINUTE).length >= 3;
    if (living.length > 0) return often && young ? 'crash_looping' : 'healthy';
    const given = nextStart(this.lastEnd, this.delays, now) === undefined;
    if (often && !(this.lastWell && given)) return 'crash_looping';
    return this.lastWell ? 'stopped' : 'absent';
  }
}

const instance = ({ pid, at }: Life): Instance => ({
  pid,
  ppid: 1,
  startTicks: pid,
  comm: 'd',
  state: 'S',
  claimed: true,
  startedAt: at / 1000,
});

function createWorld(model: Model): DaemonTable {
  return createTable({
    declared: [daemon('d', { comm: 'd' })],
    ...alone,
    startedAt: T0,
    elapsed: () => model.now - T0,
  });
}

function agree(table: DaemonTable, model: Model): void {
  const { up, state, instances, restarts, exits } = table.snapshot(model.now)[0]!;
  const pids = (lives: readonly { readonly pid: number }[]) => lives.map(({ pid }) => pid).sort();
  expect({ up, state, restarts, exits, pids: pids(instances) }).toEqual({
    up: model.living.length > 0,
    state: model.state,
    restarts: model.restarts,
    exits: model.exits,
    pids: pids(model.living),
  });
}

const look = (table: DaemonTable, now: number, lives: readonly Life[], awaited: boolean) =>
  table.reports.processes(now, new Map([['d', lives.map(instance)]]), awaited);

describe('random lives', () => {
  it('told as they begin and end are counted and judged as they were', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const model = new Model();
        const table = createWorld(model);
        let pid = 100;
        look(table, model.now, [], true);
        for (const each of steps) {
          if (each.act === 'pass') model.now += each.seconds * 1000;
          else if (each.act === 'look') look(table, model.now, model.living, true);
          else if (each.act === 'begin') {
            const life = { pid: ++pid, at: model.now };
            model.begin(life);
            table.reports.began(model.now, 'd', instance(life));
          } else if (each.act === 'brief') {
            if (!model.isCommand(HOW[each.how])) {
              model.begin();
              model.end(HOW[each.how]);
            }
            const process = { pid: ++pid, ppid: 1, startTicks: pid, comm: 'd' };
            table.reports.exited(model.now, 'd', process, HOW[each.how]);
          } else {
            const life = model.living[each.which % Math.max(1, model.living.length)];
            if (!life) continue;
            if (model.isCommand(HOW[each.how], life)) model.living = model.living.filter(one => one !== life);
            else model.end(HOW[each.how], life);
            table.reports.exited(model.now, 'd', instance(life), HOW[each.how]);
          }
          agree(table, model);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of which only looks tell are counted as far as looks can tell', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const model = new Model();
        const table = createWorld(model);
        let lives: Life[] = [];
        let pid = 100;
        look(table, model.now, [], false);
        for (const each of steps) {
          if (each.act === 'pass') model.now += each.seconds * 1000;
          else if (each.act === 'begin') lives.push({ pid: ++pid, at: model.now });
          else if (each.act === 'end') lives.splice(each.which, 1);
          else if (each.act === 'look') {
            for (const life of model.living)
              if (!lives.includes(life)) model.end({ reason: 'unknown' }, life);
            for (const life of lives) if (!model.living.includes(life)) model.begin(life);
            look(table, model.now, lives, false);
          }
          agree(table, model);
        }
        lives = [];
        look(table, model.now, lives, false);
        expect(table.snapshot(model.now)[0]).toMatchObject({ up: false, instances: [] });
      }),
      { numRuns: 500 },
    );
  });
});
