// A roster against random lives: instances that begin, fork, end seen and unseen.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../agent/core/daemon.ts';
import { AWAITED_MS } from '../../../agent/core/exit.ts';
import { COMMAND_MS, createRoster } from '../../../agent/identity/roster.ts';
import { instance } from './specs.ts';

it('tells every beginning and every end of a top exactly once, and no more restarts than ends', () => {
  const step = fc.record({
    action: fc.constantFrom(
      'begin',
      'fork',
      'leave',
      'end',
      'crash',
      'tell',
      'tell late',
      'hear',
      'unseen',
      'launch',
      'look',
    ),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 80, size: 'max' }), (awaited, steps) => {
      const roster = createRoster();
      let living: Instance[] = [];
      /** Tops that have ended, and nobody has told it. */
      let untold: Instance[] = [];
      let pid = 1;
      const tops = new Set<number>();
      const seen = new Set<number>();
      const told = { began: [] as number[], ended: [] as number[], restarts: 0 };
      const take = (changes: ReturnType<typeof roster.end>) => {
        if (!changes) return;
        told.began.push(...changes.began.map(each => each.pid));
        told.ended.push(...changes.ended.map(each => each.pid));
        told.restarts += changes.restarts;
        expect(told.restarts).toBeLessThanOrEqual(Math.min(told.began.length, told.ended.length));
      };
      let now = 0;
      const look = () => {
        now += AWAITED_MS;
        for (const each of living) if (each.claimed && !seen.has(each.pid)) tops.add(each.pid);
        for (const each of living) seen.add(each.pid);
        take(roster.update(living, awaited ? now : undefined));
        if (!awaited) expect(roster.living.instances).toEqual(living);
      };
      roster.update([]);
      for (const { action, seed } of steps) {
        const victim = living[seed % Math.max(1, living.length)];
        if (action === 'begin') living = [...living, instance(++pid, true)];
        else if (action === 'fork') living = [...living, instance(++pid, false)];
        else if (action === 'look') look();
        else if (action === 'unseen') {
          tops.add(++pid);
          take(roster.end(instance(pid, true)));
        } else if (action === 'launch') take(roster.end(instance(++pid, true), { handedOver: true }));
        else if (action === 'hear') {
          const begun = instance(++pid, true);
          living = [...living, begun];
          tops.add(pid);
          seen.add(pid);
          take(roster.begin(begun));
        } else if (action === 'tell late') {
          const late = untold[seed % Math.max(1, untold.length)];
          untold = untold.filter(each => each !== late);
          if (late && awaited) take(roster.end(late));
        } else if (victim) {
          living = living.filter(each => each !== victim);
          if (action === 'leave') living.push(victim);
          else if (!seen.has(victim.pid)) continue;
          else if (action === 'tell') take(roster.end(victim));
          else if (tops.has(victim.pid)) untold.push(victim);
        }
      }
      look();
      living = [];
      for (let i = 0; i < 3; i++) look();
      expect(told.began.toSorted()).toEqual([...tops].toSorted());
      expect(told.ended.toSorted()).toEqual([...tops].toSorted());
    }),
  );
});

describe('what a top leaves behind', () => {
  const child = instance(2, false);
  const orphan = { ...child, claimed: true };
  /** A top with a child, and what was told when first the top ended and then the child. */
  const story = (end: (roster: ReturnType<typeof createRoster>) => void) => {
    const roster = createRoster();
    roster.update([]);
    roster.update([instance(1, true), child]);
    end(roster);
    roster.update([orphan]);
    return roster.update([]).ended.map(({ pid }) => pid);
  };

  it.each([
    ['goes on as an instance after a good end', { heirs: true }, [2]],
    ['goes on as an instance of one that handed over', { heirs: true, handedOver: true }, [2]],
    ['is left over after a crash', { heirs: false }, []],
  ])('%s', (_, how, ended) => {
    expect(story(roster => roster.end(instance(1, true), how))).toEqual(ended);
  });

  it('is left over when nobody knows how the top ended, but for one that has children itself', () => {
    expect(story(() => {})).toEqual([]);
    const roster = createRoster();
    roster.update([]);
    const grandchild = { ...instance(3, false), ppid: 2 };
    roster.update([instance(1, true), child, grandchild]);
    roster.update([orphan, grandchild]);
    expect(roster.update([]).ended.map(({ pid }) => pid)).toEqual([2]);
  });

  it.each([
    ['a session', { heirs: false }, false],
    ['the session', { heirs: false }, false],
    ['a session', { heirs: true }, false],
    ['the session', { heirs: true }, true],
    ['a session', { heirs: true, handedOver: true }, true],
  ])('in %s of its own top or another, %j: is an instance: %s', (whose, how, goesOn) => {
    const [top, own] = [1, whose === 'the session' ? 1 : 2];
    const roster = createRoster();
    roster.update([]);
    const below = { ...instance(3, false), ppid: 2 };
    roster.update([{ ...instance(1, true), session: top }, { ...child, session: own }, below]);
    roster.end(instance(1, true), how);
    roster.update([{ ...orphan, session: own }, below]);
    expect(roster.living.tops).toHaveLength(goesOn ? 1 : 0);
    // Who goes on has taken the place.
    const restarts = goesOn ? 0 : 1;
    expect(roster.begin(instance(4, true))).toMatchObject({ restarts });
    expect(roster.end(instance(2, true)) !== undefined).toBe(goesOn);
  });

  it('stays left over when another is launched in the place', () => {
    const roster = createRoster();
    roster.update([]);
    roster.update([instance(1, true), child]);
    roster.end(instance(1, true));
    roster.update([orphan]);
    roster.begin(instance(4, true));
    roster.end(instance(4, true), { heirs: true, handedOver: true });
    roster.update([orphan, instance(5, true)]);
    expect(roster.living.tops.map(({ pid }) => pid)).toEqual([5]);
  });

  it('while the top lives is no instance', () => {
    const roster = createRoster();
    roster.update([]);
    roster.update([instance(1, true), child]);
    roster.update([instance(1, true), orphan]);
    expect(roster.living.tops.map(({ pid }) => pid)).toEqual([1]);
    expect(roster.end(orphan)).toBeUndefined();
  });

  it('is neither an end nor a restart when the top only launched it', () => {
    const roster = createRoster();
    roster.update([]);
    expect(roster.begin(instance(1, true)).began).toHaveLength(1);
    expect(roster.end(instance(1, true), { heirs: true, handedOver: true })).toBeUndefined();
    // Nobody has told of the other yet; the daemon was there all the time.
    expect(roster.living.tops.map(({ pid }) => pid)).toEqual([1]);
    expect(roster.begin(instance(2, true))).toMatchObject({ restarts: 0, ended: [] });
    expect(roster.living.tops.map(({ pid }) => pid)).toEqual([2]);
  });

  it('takes no other place than the one of the top that launched it', () => {
    const roster = createRoster();
    roster.update([]);
    roster.update([instance(1, true), instance(2, true)]);
    roster.end(instance(1, true));
    roster.end(instance(2, true));
    expect(roster.begin(instance(3, true))).toMatchObject({ restarts: 1 });
    roster.end(instance(3, true), { heirs: true, handedOver: true });
    expect(roster.begin(instance(4, true))).toMatchObject({ began: [{ pid: 4 }], restarts: 0 });
    roster.end(instance(4, true), { heirs: true, handedOver: true });
    expect(roster.update([instance(5, true)])).toMatchObject({ began: [{ pid: 5 }], restarts: 0 });
    expect(roster.begin(instance(6, true))).toMatchObject({ restarts: 1 });
  });

  it('is gone, with the top that launched it, when it ends before anybody has told of it', () => {
    const roster = createRoster();
    roster.update([]);
    roster.begin(instance(1, true));
    roster.end(instance(1, true), { heirs: true, handedOver: true });
    roster.end(instance(2, true));
    expect(roster.living.tops).toEqual([]);
  });

  it('is gone with the top that launched it when the next list has neither', () => {
    const roster = createRoster();
    roster.update([]);
    roster.begin(instance(1, true));
    roster.end(instance(1, true), { heirs: true, handedOver: true });
    expect(roster.update([])).toMatchObject({ ended: [] });
    expect(roster.living.tops).toEqual([]);
  });
});

describe('a top that is missing while its end is awaited', () => {
  const start = () => {
    const roster = createRoster();
    roster.update([]);
    roster.update([instance(1, true)], 1000);
    return roster;
  };

  it('lives for a while, however often somebody looks', () => {
    const roster = start();
    for (const at of [2000, 2001, 3000, 1999 + AWAITED_MS]) {
      expect(roster.update([], at).ended).toEqual([]);
      expect(roster.living.tops).toHaveLength(1);
    }
    expect(roster.update([], 2000 + AWAITED_MS).ended).toHaveLength(1);
    expect(roster.living.tops).toEqual([]);
  });

  it('and comes back is awaited anew when it is missing again', () => {
    const roster = start();
    roster.update([], 2000);
    roster.update([instance(1, true)], 3000);
    expect(roster.update([], 2000 + AWAITED_MS).ended).toEqual([]);
  });

  it('ends once, when it is told', () => {
    const roster = start();
    roster.update([], 2000);
    expect(roster.end(instance(1, true))?.ended).toHaveLength(1);
    expect(roster.update([], 2000 + AWAITED_MS).ended).toEqual([]);
    expect(roster.end(instance(1, true))?.began).toHaveLength(1);
  });

  it('ends once, when it is told after that', () => {
    const roster = start();
    roster.update([], 2000);
    roster.update([], 2000 + AWAITED_MS);
    expect(roster.end(instance(1, true))).toBeUndefined();
  });

  it('is followed, once its end is told, by who took its place, and that is a restart', () => {
    const roster = start();
    expect(roster.update([instance(2, true), instance(3, true)], 2000).began).toMatchObject([{ pid: 3 }]);
    expect(roster.living.tops.map(({ pid }) => pid).sort()).toEqual([1, 3]);
    expect(roster.end(instance(1, true))).toMatchObject({
      began: [{ pid: 2 }],
      ended: [{ pid: 1 }],
      restarts: 1,
    });
    expect(roster.living.tops.map(({ pid }) => pid).sort()).toEqual([2, 3]);
  });

  it.each([
    ['the look that gives it up', [instance(2, true)]],
    ['the look that gives it up, which does not find it any more', []],
  ])('is followed by who took its place in %s', (_, living) => {
    const roster = start();
    roster.update([instance(2, true)], 2000);
    expect(roster.update(living, 2000 + AWAITED_MS)).toMatchObject({
      began: [{ pid: 2 }],
      ended: [{ pid: 1 }],
      restarts: 1,
    });
    expect(roster.end(instance(2, true))).toMatchObject({ began: [], ended: [{ pid: 2 }] });
  });

  it('is followed by who took its place and was told to begin', () => {
    const roster = start();
    roster.update([instance(2, true)], 2000);
    expect(roster.begin(instance(2, true)).began).toHaveLength(1);
    expect(roster.end(instance(1, true))).toMatchObject({ began: [], ended: [{ pid: 1 }] });
    expect(roster.living.tops).toMatchObject([{ pid: 2 }]);
  });

  it('has ended at once when its end cannot be told', () => {
    expect(start().update([]).ended).toHaveLength(1);
  });
});

describe('one that ends well beside others', () => {
  const start = (...ended: number[]) => {
    const roster = createRoster();
    roster.update([instance(1, true), instance(2, true)]);
    for (const pid of ended) roster.end(instance(pid, true));
    return roster;
  };
  const well = (roster: ReturnType<typeof createRoster>, pid: number, ms = 0) =>
    roster.end(instance(pid, true), { heirs: true, at: pid * 1000 + ms });

  it('in nobody’s place was a command, seen or not, and leaves no place', () => {
    const roster = start();
    roster.begin(instance(3, true));
    expect([well(roster, 3, COMMAND_MS - 1), well(roster, 4), well(roster, 5)]).toEqual(
      Array(3).fill(undefined),
    );
    expect(roster.begin(instance(6, true)).restarts).toBe(0);
    expect(roster.living.tops.map(({ pid }) => pid)).toEqual([1, 2, 6]);
  });

  it('has ended when it had lived for a while', () => {
    const roster = start();
    roster.begin(instance(3, true));
    expect(well(roster, 3, COMMAND_MS)?.ended).toHaveLength(1);
  });

  it('in the place of another has ended, but for the first that was not seen', () => {
    const roster = start(1);
    expect(roster.begin(instance(3, true)).restarts).toBe(1);
    expect(well(roster, 3)?.ended).toHaveLength(1);
    expect(well(roster, 4)).toBeUndefined();
    expect(well(roster, 5)).toMatchObject({ restarts: 1, ended: [{ pid: 5 }] });
    expect(roster.begin(instance(6, true)).restarts).toBe(1);
    roster.end(instance(6, true));
    expect(well(roster, 7)).toBeUndefined();
  });

  it('has ended when there are no others, and when it did not end well', () => {
    const roster = start(1, 2);
    expect([well(roster, 3), well(roster, 4)?.ended.length]).toEqual([undefined, 1]);
    expect(start().end(instance(3, true), { at: 3000 })?.ended).toHaveLength(1);
  });
});

describe('one that ends well beside another that has just begun', () => {
  const end = (at: number, heirs = true) => {
    const roster = createRoster();
    roster.update([instance(1, true)]);
    expect(roster.begin(instance(100, true)).restarts).toBe(0);
    const { restarts, heir } = roster.end(instance(1, true), { heirs, at })!;
    return { restarts, heir: heir?.pid, next: roster.begin(instance(200, true)).restarts };
  };

  it('was relieved by it, and leaves no place', () =>
    expect(end(100_100)).toEqual({ restarts: 1, heir: 100, next: 0 }));

  it('was relieved by who goes on for a launcher, which is relieved in its turn', () => {
    const roster = createRoster();
    roster.update([instance(1, true)]);
    let restarts = 0;
    for (const [launcher, old] of [
      [100, 1],
      [102, 101],
    ] as const) {
      roster.begin(instance(launcher, true));
      restarts += roster.end(instance(old, true), { heirs: true, at: launcher * 1000 + 100 })?.restarts ?? 0;
      roster.end(instance(launcher, true), { heirs: true, handedOver: true });
      roster.begin(instance(launcher + 1, true));
    }
    expect(restarts).toBe(2);
  });

  it.each([
    ['did not end well', end(100_100, false)],
    ['ended later', end(110_000)],
  ])('leaves its place when it %s', (_, told) =>
    expect(told).toEqual({ restarts: 0, heir: undefined, next: 1 }),
  );

  it('is relieved once', () => {
    const roster = createRoster();
    roster.update([instance(1, true), instance(2, true)]);
    roster.begin(instance(100, true));
    const ends = [1, 2].map(pid => roster.end(instance(pid, true), { heirs: true, at: 100_100 })!);
    expect(ends.map(({ restarts }) => restarts)).toEqual([1, 0]);
  });
});

describe('one that is missing and lives', () => {
  const lives = () => true;
  it('has not ended, and who takes over is no restart', () => {
    for (const awaited of [false, true]) {
      const roster = createRoster();
      const at = (look: number) => (awaited ? look * AWAITED_MS : undefined);
      roster.update([instance(1, true), instance(2, false)], at(0));
      for (let look = 1; look < 4; look++)
        expect(roster.update([instance(2, true)], at(look), lives)).toEqual({
          began: [],
          ended: [],
          restarts: 0,
        });
      expect(roster.end(instance(1, true)) === undefined).toBe(awaited);
      expect(roster.end(instance(2, true))?.ended).toHaveLength(1);
    }
  });
});

describe('of thousands', () => {
  const pids = Array.from({ length: 1000 }, (_, i) => i + 1);
  let looks = 0;
  const counted = (pid: number): Instance => ({
    ...instance(pid),
    get startTicks() {
      looks++;
      return pid;
    },
    get startedAt() {
      looks++;
      return pid;
    },
  });
  const start = () => {
    const roster = createRoster();
    roster.update([]);
    looks = 0;
    for (const pid of pids) {
      roster.begin(counted(pid));
      expect(roster.living.youngest).toBe(pid * 1000);
    }
    return roster;
  };

  it.each([
    ['a crash', false],
    ['a good end', true],
  ])('not all are gone through after %s of one', (_, heirs) => {
    const roster = start();
    for (const pid of pids.toReversed()) {
      roster.end(counted(pid), { heirs, at: pid * 1000 });
      expect(roster.living.youngest).toBe(pid > 1 ? (pid - 1) * 1000 : -Infinity);
    }
    expect(looks).toBeLessThan(50 * pids.length);
  });

  it('not all are gone through when each ends well and has a successor', () => {
    const roster = start();
    for (const pid of pids) {
      const next = 2 * pids.length + pid;
      expect(roster.end(counted(pid), { heirs: true, at: next * 1000 })?.ended).toHaveLength(1);
      expect(roster.begin(counted(next)).restarts).toBe(1);
      expect(roster.living.youngest).toBe(next * 1000);
    }
    expect(looks).toBeLessThan(50 * pids.length);
  });
});
