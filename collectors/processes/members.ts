// Who lives, by pid and by parent: of thousands only the children of one are gone through. Pure.

export interface Members<T extends { parent: number }> {
  readonly size: number;
  get(pid: number): T | undefined;
  /** Takes the place of any that had the number. */
  set(pid: number, member: T): void;
  delete(pid: number): boolean;
  /** Gives the children of one another parent; which they are. */
  bequeath(pid: number, parent: number): readonly T[];
  [Symbol.iterator](): Iterator<[pid: number, member: T]>;
}

export function createMembers<T extends { parent: number }>(): Members<T> {
  const all = new Map<number, T>();
  const children = new Map<number, Set<T>>();

  const join = (member: T) => children.getOrInsertComputed(member.parent, () => new Set()).add(member);
  const leave = (member: T) => {
    const siblings = children.get(member.parent)!;
    siblings.delete(member);
    if (siblings.size === 0) children.delete(member.parent);
  };

  return {
    get size() {
      return all.size;
    },
    get: pid => all.get(pid),
    set(pid, member) {
      const before = all.get(pid);
      if (before) leave(before);
      all.set(pid, member);
      join(member);
    },
    delete(pid) {
      const member = all.get(pid);
      if (member) leave(member);
      return all.delete(pid);
    },
    bequeath(pid, parent) {
      const orphans = [...(children.get(pid) ?? [])];
      children.delete(pid);
      for (const orphan of orphans) {
        orphan.parent = parent;
        join(orphan);
      }
      return orphans;
    },
    [Symbol.iterator]: () => all[Symbol.iterator](),
  };
}
