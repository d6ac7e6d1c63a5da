// What systemd is told, by the variables it has set.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createNotifier } from '../../../agent/control/notify.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(env: Record<string, string>) {
  const sent: string[] = [];
  const notifier = createNotifier(env, (path, message) => void sent.push(`${path} ${message}`));
  return { notifier, told: () => sent.splice(0) };
}

it('the whole life', () => {
  const { notifier, told } = start({ NOTIFY_SOCKET: '@s' });
  notifier.ready('watching 2 daemons');
  notifier.reloading();
  notifier.stopping();
  expect(told()).toEqual([
    '@s READY=1\nSTATUS=watching 2 daemons',
    expect.stringMatching(/^@s RELOADING=1\nMONOTONIC_USEC=\d+$/),
    '@s STOPPING=1',
  ]);
});

it.each<[what: string, env: Record<string, string>, fed: number]>([
  ['twice in its time', { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '10000000' }, 4],
  ['when it is ours', { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '10000000', WATCHDOG_PID: `${process.pid}` }, 4],
  ['not of another', { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '10000000', WATCHDOG_PID: '1' }, 0],
  ['not without one', { NOTIFY_SOCKET: '/s' }, 0],
  ['not without systemd', { WATCHDOG_USEC: '10000000' }, 0],
  ['not by nonsense', { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: 'x' }, 0],
])('the watchdog is fed %s', (_, env, fed) => {
  const { notifier, told } = start(env);
  const stop = notifier.watch();
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual(new Array(fed).fill('/s WATCHDOG=1'));
  stop();
  vi.advanceTimersByTime(20_000);
  expect(told()).toEqual([]);
});
