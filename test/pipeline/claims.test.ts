// The ledger of every exporter balances at every moment, whatever an earlier life left and whoever comes or goes.
import { describe, expect, test } from 'vitest';
import { createMeter } from '../../agent/core/meter.ts';
import { createClaims } from '../../agent/pipeline/claims.ts';
import { createLedger } from '../../agent/pipeline/ledger.ts';
import { figure } from '../figure.ts';
import { quiet } from '../quiet.ts';
import { batch, spoolRig } from './spool-rig.ts';

const rig = spoolRig();

function life() {
  const meter = createMeter(() => 0);
  const ledger = createLedger(meter);
  const { spool } = rig.start({
    maxSize: 2 ** 20,
    onDropped: (exporter, records, reason) => ledger.dropped(reason, exporter, records),
  });
  const said: string[] = [];
  const state = { waiting: 0 };
  const log = { ...quiet, error: (message: string) => void said.push(message) };
  const claims = createClaims({ spool, ledger, log, waiting: () => state.waiting });
  const value = (name: string, labels: Record<string, string>) => figure(meter, name, labels);
  return {
    spool,
    ledger,
    claims,
    state,
    said,
    receive(records: number, size = 10) {
      ledger.received('syslog', records);
      spool.append({ bytes: Buffer.alloc(size), records });
    },
    deliver(exporter: string) {
      const reader = spool.reader(exporter);
      const taken = reader.take(1)!;
      reader.done(taken);
      ledger.delivered(exporter, taken.records);
    },
    gaps(...exporters: string[]) {
      claims.refresh(0);
      return exporters.map(ledger.gap);
    },
    received: (source: string) => value('eudaemon_records_received_total', { source }),
    delivered: (exporter: string) => value('eudaemon_records_delivered_total', { exporter }),
    dropped: (reason: string, exporter: string) =>
      value('eudaemon_records_dropped_total', { reason, exporter }),
    gauge: (exporter: string) => value('eudaemon_ledger_gap_records', { exporter }),
  };
}

/** Two exporters, of which one has delivered 3 of 10 records and the other 7. */
async function formerLife() {
  const { spool, claims, receive, deliver } = life();
  for (const name of ['one', 'two']) claims.claim(name);
  receive(3);
  receive(4);
  receive(3);
  deliver('one');
  for (const _ of [1, 2]) deliver('two');
  await spool.sync();
  rig.crash();
}

describe('after a crash', () => {
  test.each([[['one', 'two']], [['two', 'one']]])(
    '%j: what each had delivered it has delivered',
    async names => {
      await formerLife();
      const { claims, receive, deliver, gaps, received, delivered } = life();
      for (const name of names) {
        claims.claim(name);
        // Deliveries begin before the next exporter is there, and take nothing away from it.
        for (let n = name === 'one' ? 2 : 1; n > 0; n--) deliver(name);
      }
      expect(gaps('one', 'two')).toEqual([0, 0]);
      expect(received('recovered')).toBe(7);
      expect([delivered('one'), delivered('two')]).toEqual([7, 7]);
      receive(5);
      expect(gaps('one', 'two')).toEqual([0, 0]);
    },
  );

  test('an exporter that is wanted no more drops what waited for it', async () => {
    await formerLife();
    const { spool, claims, gaps, dropped } = life();
    claims.claim('two');
    for (const name of spool.known()) if (name !== 'two') claims.release(name);
    expect(gaps('two')).toEqual([0]);
    expect(dropped('exporter_removed', 'one')).toBe(7);
    expect(spool.known()).toEqual(['two']);
  });

  test('a new one gets what is there', async () => {
    await formerLife();
    const { claims, gaps, dropped, received } = life();
    for (const name of ['one', 'two', 'new']) claims.claim(name);
    expect(gaps('one', 'two', 'new')).toEqual([0, 0, 0]);
    expect(received('recovered')).toBe(10);
    expect(dropped('before_exporter', 'new') ?? 0).toBe(0);
  });
});

test('one that comes later has no part in what was delivered before it', () => {
  const { claims, receive, deliver, gaps, dropped } = life();
  claims.claim('one');
  receive(300, 300_000);
  deliver('one');
  receive(5);
  claims.claim('late');
  expect(gaps('one', 'late')).toEqual([0, 0]);
  expect(dropped('before_exporter', 'late')).toBe(300);
});

test('one that goes and comes again, and one that is claimed twice', () => {
  const { claims, receive, gaps, dropped } = life();
  claims.claim('one');
  claims.claim('two');
  receive(5);
  claims.claim('two');
  claims.release('two');
  receive(6);
  claims.claim('two');
  expect(gaps('one', 'two')).toEqual([0, 0]);
  expect(dropped('exporter_removed', 'two')).toBe(5);
});

test('what waits for room is in the spool, as far as the ledger is concerned', () => {
  const { claims, ledger, state, gaps } = life();
  claims.claim('one');
  ledger.received('syslog', 9);
  state.waiting = 9;
  expect(gaps('one')).toEqual([0]);
});

test('policy, processors and sources count', () => {
  const { claims, ledger, receive, gaps, dropped } = life();
  claims.claim('one');
  for (let i = 0; i < 10; i++) receive(3, 300_000);
  ledger.received('files', 4);
  ledger.dropped('sampled', '', 4);
  expect(dropped('spool_full', 'one')).toBeGreaterThan(0);
  expect(gaps('one')).toEqual([0]);
});

test('a gap is told once, once a minute looked for, and a figure', () => {
  const { claims, ledger, receive, gauge, said } = life();
  claims.claim('one');
  receive(5);
  claims.refresh(0);
  expect([gauge('one'), said]).toEqual([0, []]);
  ledger.received('syslog', 2);
  claims.refresh(59_000);
  expect(gauge('one')).toBe(0);
  claims.refresh(60_000);
  claims.refresh(120_000);
  expect(gauge('one')).toBe(2);
  expect(said).toEqual(['the ledger of exporter one does not balance: 2 records are unaccounted for']);
  ledger.delivered('one', 2);
  claims.refresh(180_000);
  expect([gauge('one'), said.length]).toEqual([0, 1]);
  claims.release('one');
  expect(gauge('one')).toBeUndefined();
});

test('without any exporter everything is dropped and nothing is left over', () => {
  const { spool, claims, ledger } = life();
  ledger.received('syslog', 3);
  spool.append(batch('x', 3));
  ledger.dropped('no_exporter', '', 3);
  claims.claim('one');
  expect(ledger.gap('one')).toBe(0);
});
