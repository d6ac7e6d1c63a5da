// The last records of daemons: as many as promised, the newest, of declared daemons, in memory that has an end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMeter } from '../../agent/core/meter.ts';
import { createOrigins, LogRecord, utf8 } from '../../agent/core/record.ts';
import { createFlow } from '../../agent/pipeline/flow.ts';
import { createLastWords } from '../../agent/pipeline/last-words.ts';
import { createLedger } from '../../agent/pipeline/ledger.ts';

function world() {
  const meter = createMeter(() => 0);
  const lastWords = createLastWords();
  const flow = createFlow({
    host: [],
    meter,
    ledger: createLedger(meter),
    outlet: { append: () => 1 },
    sealed() {},
    lastWords,
  });
  const out = flow.attach('syslog', { resume() {}, committed() {} });
  const origins = createOrigins();
  let at = 1000;
  return {
    lastWords,
    flush: () => flow.flush(),
    push(
      body: string | Uint8Array,
      { daemon = 'd' as string | null, event = '', host = undefined as string | undefined, pid = 0 } = {},
    ) {
      const record = new LogRecord();
      record.origin = origins.of(daemon ?? 'tag', daemon ?? undefined, host);
      record.observedSeconds = at++;
      record.severity = 17;
      record.buf = typeof body === 'string' ? utf8(body) : body;
      record.bodyEnd = record.buf.length;
      record.eventName = utf8(event);
      if (pid > 0) record.attributes.int(utf8('process.pid'), pid);
      out.push(record);
      return this;
    },
    words(daemon = 'd') {
      flow.flush();
      return lastWords.of(daemon);
    },
    bodies(daemon = 'd') {
      return this.words(daemon).map(({ body }) => body);
    },
  };
}

describe('last words', () => {
  test('of nobody, of a daemon, of one that is not declared', () => {
    const w = world().push('one', { pid: 7 }).push('theirs', { daemon: null });
    expect(w.words()).toEqual([{ at: 1_000_000, severity: 'err', body: 'one', pid: 7 }]);
    expect([w.words('tag'), w.words('nobody')]).toEqual([[], []]);
  });

  test('events of the agent are not of the daemon', () => {
    const w = world().push('a').push('it started', { event: 'eudaemon.daemon.started' }).push('b');
    expect(w.bodies()).toEqual(['a', 'b']);
  });

  test('of two senders, in the order of time', () => {
    const w = world().push('1').push('2', { host: 'h' }).push('3').push('4', { host: 'h' });
    expect(w.bodies()).toEqual(['1', '2', '3', '4']);
  });

  test('a record too large is left out, one that is large is cut', () => {
    const w = world().push('before').push('x'.repeat(100_000)).push('y'.repeat(10_000));
    w.flush();
    w.push('after');
    const bodies = w.bodies();
    expect(bodies.slice(-1)).toEqual(['after']);
    expect(bodies.at(-2)).toBe(`${'y'.repeat(2000)} …`);
  });

  test('all of it together has an end', () => {
    const w = world();
    for (let i = 0; i < 50; i++) w.push(`${i} ${'z'.repeat(1200)}`);
    const bodies = w.bodies();
    expect(bodies.length).toBeLessThan(28);
    expect(bodies.at(-1)).toMatch(/^49 /);
  });

  test('bytes that are no text are told as text', () => {
    expect(
      world()
        .push(new Uint8Array([104, 0xff, 105]))
        .bodies(),
    ).toEqual(['h\ufffdi']);
  });

  test('who is no longer declared is forgotten', () => {
    const w = world().push('one');
    w.flush();
    w.lastWords.declare(new Set(['other']));
    expect(w.bodies()).toEqual([]);
  });

  test('are the last fifty, whenever batches are sealed', () => {
    const step = fc.oneof(fc.constant('seal'), fc.constantFrom('d', 'e', 'none'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const w = world();
        const model: Record<string, string[]> = { d: [], e: [] };
        for (const [i, action] of steps.entries()) {
          if (action === 'seal') w.flush();
          else w.push(`${i}`, { daemon: action === 'none' ? null : action });
          model[action]?.push(`${i}`);
        }
        for (const daemon of ['d', 'e']) expect(w.bodies(daemon)).toEqual(model[daemon]!.slice(-50));
      }),
      { numRuns: 60 },
    );
  });
});
