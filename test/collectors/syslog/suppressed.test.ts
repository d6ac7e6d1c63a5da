import { expect, it } from 'vitest';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { createSenders } from '../../../collectors/syslog/sender.ts';
import { createSuppressed } from '../../../collectors/syslog/suppressed.ts';
import { quiet } from '../../quiet.ts';
import { noDaemons } from './collect.ts';

function create() {
  const events: AgentEvent[] = [];
  const origins = createOrigins();
  const suppressed = createSuppressed({ origins, events: { emit: event => void events.push(event) } });
  const senders = createSenders({ root: '/', now: () => 0, daemons: noDaemons, origins, log: quiet });
  return { events, suppressed, senders };
}

it('is told once a window, sender and reason', () => {
  const { events, suppressed, senders } = create();
  const [a, b] = [senders.peer('192.0.2.1'), senders.peer('192.0.2.2')];
  for (let at = 0; at < 9000; at += 1000) suppressed.add('ring_full', 'it was full', a, 2, at);
  suppressed.add('rate_limited', 'over 1/s', a, 1, 5000);
  suppressed.add('ring_full', 'it was full', b, 7, 6000);
  suppressed.tick(9999);
  expect(events).toEqual([]);
  suppressed.tick(10_000);
  expect(events).toEqual([
    {
      name: 'eudaemon.records.suppressed',
      daemon: undefined,
      origin: { service: '192.0.2.1', daemon: undefined, host: '192.0.2.1', attributes: [] },
      severity: 13,
      body: 'suppressed 18 messages from 192.0.2.1 in 10s: it was full',
      attributes: { 'eudaemon.suppressed.count': 18, 'eudaemon.suppressed.reason': 'ring_full' },
      at: 10_000,
    },
  ]);
  suppressed.tick(16_000);
  expect(events.slice(1).map(({ body }) => body)).toEqual([
    'suppressed 7 messages from 192.0.2.2 in 10s: it was full',
    'suppressed 1 messages from 192.0.2.1 in 11s: over 1/s',
  ]);
  suppressed.tick(99_000, true);
  expect(events).toHaveLength(3);
});

it('of more senders than are told apart is told as one, and at the end at once', () => {
  const { events, suppressed, senders } = create();
  for (let i = 0; i < 400; i++)
    suppressed.add('ring_full', 'full', senders.peer(`192.0.${i >> 8}.${i & 255}`), 1, 0);
  suppressed.add('ring_full', 'full', undefined, 5, 0);
  suppressed.tick(1, true);
  expect(events).toHaveLength(257);
  expect(
    events.reduce((sum, { attributes }) => sum + Number(attributes['eudaemon.suppressed.count']), 0),
  ).toBe(405);
  expect(events.at(-1)!.body).toBe('suppressed 149 messages from other senders in 1s: full');
});
