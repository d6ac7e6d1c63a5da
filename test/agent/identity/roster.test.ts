// A roster against random lives: instances that begin, fork, end seen and unseen.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Instance } from '../../../agent/core/daemon.ts';
import { createRoster } from '../../../agent/identity/roster.ts';

const instance = (pid: number, claimed: boolean): Instance => ({
  pid,
  ppid: 1,
  startTicks: pid,
  comm: 'd',
  state: 'S',
  claimed,
  startedAt: pid,
});

it('tells every beginning and every end of a top exactly once, and no more restarts than ends', () => {
  const step = fc.record({
    action: fc.constantFrom('begin', 'fork', 'orphan', 'end', 'tell', 'unseen', 'look'),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const roster = createRoster();
      let living: Instance[] = [];
      let pid = 1;
      const tops = new Set<number>();
      const told = { began: [] as number[], ended: [] as number[], restarts: 0 };
      const take = (changes: ReturnType<typeof roster.end>) => {
        if (!changes) return;
        told.began.push(...changes.began.map(each => each.pid));
        told.ended.push(...changes.ended.map(each => each.pid));
        told.restarts += changes.restarts;
        expect(told.restarts).toBeLessThanOrEqual(Math.min(told.began.length, told.ended.length));
      };
      const look = () => {
        for (const each of living) if (each.claimed && !seen.has(each.pid)) tops.add(each.pid);
        for (const each of living) seen.add(each.pid);
        take(roster.update(living));
        expect(roster.instances).toEqual(living);
      };
      const seen = new Set<number>();
      roster.update([]);
      for (const { action, seed } of steps) {
        const victim = living[seed % Math.max(1, living.length)];
        if (action === 'begin') living = [...living, instance(++pid, true)];
        else if (action === 'fork') living = [...living, instance(++pid, false)];
        else if (action === 'look') look();
        else if (action === 'unseen') {
          tops.add(++pid);
          take(roster.end(instance(pid, true)));
        } else if (victim) {
          living = living.filter(each => each !== victim);
          if (action === 'orphan') living.push({ ...victim, claimed: true });
          if (action === 'tell' && seen.has(victim.pid)) take(roster.end(victim));
        }
      }
      look();
      living = [];
      look();
      expect(told.began.toSorted()).toEqual([...tops].toSorted());
      expect(told.ended.toSorted()).toEqual([...tops].toSorted());
    }),
  );
});
