// What followers of daemons are given of a process, again or anew.
import { expect, it } from 'vitest';
import type { Posture } from '../../../agent/core/posture.ts';
import type { Stat } from '../../../agent/core/procstat.ts';
import type { Seen } from '../../../collectors/processes/look.ts';
import { createPortraits } from '../../../collectors/processes/portrait.ts';

const BEGAN = 2000;
const POSTURE = {} as Posture;
const seen = (): Seen => ({
  stat: { pid: 10, ppid: 1, startTicks: 5, comm: 'd', state: 'S' } as Stat,
  daemon: 'd',
  cpuTime: 1,
  figures: {
    memory: { virtual: 1, resident: 4096, anonymous: 1 },
    io: { read: 1, written: 1 },
    ioDenied: false,
    openFds: 4,
    fdsDenied: false,
    details: {
      cpuTime: 1,
      swap: 0,
      voluntary: 1,
      involuntary: 1,
      anonymous: true,
      rights: 1,
      open: { sockets: [], network: '', files: [], denied: false },
      setting: { fdLimit: 16, cgroup: '' },
    },
  },
});

it('the same while nothing changes, else another', () => {
  const portraits = createPortraits(1000);
  const look = (...of: Parameters<typeof portraits.of>) => {
    return portraits.of(...of);
  };
  const process = seen();
  const first = look(process, true, BEGAN, undefined);
  expect(first.instance).toMatchObject({ claimed: true, startedAt: BEGAN, memory: 4096, fdUsage: 0.25 });
  expect(first.usage.fresh).toBe(true);
  expect(look(process, true, BEGAN, undefined)).toBe(first);
  const changed = [
    look(process, true, BEGAN, POSTURE),
    look(process, false, BEGAN, POSTURE),
    look(process, false, BEGAN + 1, POSTURE),
    look(seen(), false, BEGAN + 1, POSTURE),
  ];
  expect(new Set([first, ...changed]).size).toBe(5);
  portraits.forget(10);
  expect(look(changed[3]!.seen, false, BEGAN + 1, POSTURE)).not.toBe(changed[3]);
});
