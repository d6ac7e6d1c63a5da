// When the machine began, told the same each time.
import { expect, it, onTestFinished } from 'vitest';
import { createBoot } from '../../../agent/native/boot.ts';
import { createHost } from '../../procfs.ts';

const BOOT_MS = 1_700_000_000_000;

function world() {
  const host = createHost();
  host.remove('proc/stat');
  onTestFinished(host.close);
  let [uptimeMs, asleep, late, offset] = [0, 0, 0, 0];
  const boot = createBoot(
    host.root,
    () => BOOT_MS + uptimeMs + late + offset,
    () => uptimeMs - asleep,
  );
  return {
    /** `lateMs` pass between the two clocks. */
    at(ms: number, lateMs = 0) {
      [uptimeMs, late] = [ms, lateMs];
      host.write('proc/uptime', `${(Math.floor(ms / 10) / 100).toFixed(2)} 1.00\n`);
      return boot();
    },
    set(ms: number) {
      offset += ms;
    },
    sleep(ms: number) {
      asleep += ms;
    },
    host,
    boot,
  };
}

it('to a tick, and without trembling', () => {
  const w = world();
  const first = w.at(5_004);
  expect(Math.abs(first - BOOT_MS)).toBeLessThanOrEqual(10);
  for (let ms = 6_000; ms < 6_200; ms += 7) expect(w.at(ms, ms % 200)).toBe(first);
});

it('anew when the clock is set, either way', () => {
  const w = world();
  const first = w.at(5_000);
  w.set(3_600_000);
  expect(w.at(6_000)).toBe(first + 3_600_000);
  w.set(-7_200_000);
  expect(w.at(7_000)).toBe(first - 3_600_000);
});

it('without looking again while the clocks agree', () => {
  const w = world();
  const first = w.at(5_000);
  w.host.remove('proc/uptime');
  expect(w.boot()).toBe(first);
  w.set(1_000);
  expect(w.boot).toThrow('cannot read when the machine began');
  expect(w.boot).toThrow('cannot read when the machine began');
  expect(w.at(7_000)).toBe(first + 1_000);
});

it('the same after the machine has slept', () => {
  const w = world();
  const first = w.at(5_000);
  w.sleep(3_600_000);
  expect(w.at(3_606_000)).toBe(first);
});

it('to a second where the uptime is that of something else, or is not told', () => {
  const w = world();
  w.host.write('proc/stat', `cpu 1 2 3\nbtime ${BOOT_MS / 1000}\nprocesses 7\n`);
  expect(w.at(5_000, 90_000)).toBe(BOOT_MS);
  expect(w.at(5_000, 91_000)).toBe(BOOT_MS);
  w.host.write('proc/uptime', '');
  expect(w.boot()).toBe(BOOT_MS);
});

it.each(['', 'up\n', '-1.00 2\n'])('of nothing but numbers: %j', text => {
  const w = world();
  w.host.write('proc/uptime', text);
  expect(w.boot).toThrow('cannot read when the machine began');
});
