// Whether memory ran out, where the kernel's log may not be read: by what the control group of the dead counts.
import { expect, it, onTestFinished } from 'vitest';
import { createOom } from '../../../collectors/processes/oom.ts';
import { createHost } from '../../procfs.ts';

interface Version {
  readonly mounts: string;
  readonly cgroup: string;
  /** Its file that counts, and what stands in it. */
  readonly file: string;
  readonly counts: (kills: number) => string;
}
const TWO: Version = {
  mounts: 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n',
  cgroup: '0::/system.slice/d.service\n',
  file: 'sys/fs/cgroup/system.slice/d.service/memory.events',
  counts: kills => `low 0\nhigh 0\nmax 9\noom ${kills}\noom_kill ${kills}\noom_group_kill 0\n`,
};
const ONE: Version = {
  mounts: 'cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n',
  cgroup: '4:cpu:/d\n3:memory:/d\n0::/\n',
  file: 'sys/fs/cgroup/memory/d/memory.oom_control',
  counts: kills => `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n`,
};

function world(version: Version, cgroup = version.cgroup) {
  const host = createHost();
  onTestFinished(host.close);
  host.write('proc/1/mounts', version.mounts);
  const kills = (count: number) => host.write(version.file, version.counts(count));
  kills(2);
  const oom = createOom(host.root, false, host.now, () => 0);
  onTestFinished(oom.close);
  const living = new Map<number, { claimed: boolean }>();
  const look = () => oom.look(living);
  const run = (pid: number, claimed = true) => {
    host.run({ pid, cgroup });
    living.set(pid, { claimed });
    look();
  };
  return { host, oom, kills, run, living, look };
}

it.each([
  ['version 2', TWO],
  ['version 1', ONE],
])('is what the group of %s has counted since', (_, version) => {
  const { oom, kills, run, look } = world(version);
  run(5);
  expect(oom.killed(5, 0)).toBe(false);
  run(6);
  look();
  kills(3);
  expect(oom.killed(6, 0)).toBe(true);
  // Told once; and what the group counted before the next began is none of its own.
  expect(oom.killed(6, 0)).toBe(false);
  run(7);
  expect(oom.killed(7, 0)).toBe(false);
});

it.each([
  ['in no group of its own', '0::/\n'],
  ['in a group outside of what we see', '0::/../other\n'],
  ['in a group that is not there', '0::/gone\n'],
  ['of broken text', 'x\n'],
])('is not known of a process %s', (_, cgroup) => {
  const { oom, kills, run } = world(TWO, cgroup);
  run(5);
  kills(3);
  expect(oom.killed(5, 0)).toBe(false);
});

it('is not known of one nobody has seen, of one forgotten, of no top, and of a group that went with it', () => {
  const { host, oom, kills, run, living, look } = world(TWO);
  run(5);
  run(6);
  run(7);
  run(8, false);
  living.delete(6);
  look();
  kills(3);
  expect([4, 6, 8, 5].map(pid => oom.killed(pid, 0))).toEqual([false, false, false, true]);
  host.remove('sys/fs/cgroup/system.slice/d.service');
  expect(oom.killed(7, 0)).toBe(false);
});

it('follows one that is moved to another group, a minute of looks later', () => {
  const { host, oom, kills, run, look } = world(TWO, '0::/\n');
  run(5);
  host.run({ pid: 5, cgroup: TWO.cgroup });
  for (let i = 0; i < 60; i++) look();
  kills(3);
  expect(oom.killed(5, 0)).toBe(true);
});
