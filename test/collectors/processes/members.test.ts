// Members and their children, against all of them gone through each time.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMembers } from '../../../collectors/processes/members.ts';

interface Member {
  readonly name: number;
  parent: number;
}

it('has of each parent the children that a walk through all finds', () => {
  const pid = fc.nat(6);
  const step = fc.record({ action: fc.constantFrom('set', 'delete', 'bequeath'), pid, parent: pid });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), steps => {
      const members = createMembers<Member>();
      const plain = new Map<number, Member>();
      for (const [name, { action, pid, parent }] of steps.entries()) {
        if (action === 'set') {
          members.set(pid, { name, parent });
          plain.set(pid, { name, parent });
        } else if (action === 'delete') expect(members.delete(pid)).toBe(plain.delete(pid));
        else {
          const found = [...plain.values()].filter(each => each.parent === pid);
          for (const each of found) each.parent = parent;
          const byName = (a: Member, b: Member) => a.name - b.name;
          expect(members.bequeath(pid, parent).toSorted(byName)).toEqual(found.toSorted(byName));
        }
        expect([...members]).toEqual([...plain]);
        expect([members.size, members.get(pid)]).toEqual([plain.size, plain.get(pid)]);
      }
    }),
  );
});

it('goes through nobody but the children of one', () => {
  const members = createMembers<Member>();
  let looks = 0;
  const counted = (name: number, parent: number): Member => ({
    name,
    get parent() {
      looks++;
      return parent;
    },
    set parent(next) {
      parent = next;
    },
  });
  for (let pid = 1; pid <= 1000; pid++) members.set(pid, counted(pid, pid >> 1));
  for (let pid = 1000; pid > 0; pid--) {
    members.delete(pid);
    members.bequeath(pid, pid >> 1);
  }
  expect(members.size).toBe(0);
  expect(looks).toBeLessThan(10_000);
});
