// Reports of figures against the figures themselves, whatever changes between them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReporter, createReports, type Report } from '../../../agent/control/report.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import type { Desc, Family } from '../../../agent/core/metric.ts';

const gauge = (name: string): Desc => ({ name, type: 'gauge', help: '', labels: ['of'] });
const HISTOGRAM: Desc = { name: 'h', type: 'histogram', help: '', labels: ['of'], buckets: [1, 2] };

const plain = (families: Iterable<Family>) =>
  Array.from(families, ({ desc, points }) => [
    desc.name,
    Array.from(points, ({ labels, value, histogram }) => ({ labels, value, histogram })),
  ]);

function world() {
  const meter = createMeter(() => 0);
  const reporter = createReporter();
  const reports = createReports();
  return {
    meter,
    report(faults: string[] = [], families = meter.families()): Report | undefined {
      const report = reporter(families, faults);
      // As it goes from thread to thread.
      if (report) reports.take(structuredClone(report));
      return report;
    },
    reports,
  };
}

describe('a report', () => {
  it('is of what has changed alone', () => {
    const w = world();
    const [a, b] = ['a', 'b'].map(name => w.meter.instrument(gauge(name)));
    const cell = a!.with('x');
    b!.with('x');
    const histogram = w.meter.instrument(HISTOGRAM).with('x');
    expect(w.report()).toMatchObject({ anew: true, changed: { length: 3 } });
    expect(w.report()).toBeUndefined();
    cell.set(5);
    expect(w.report()?.changed.map(([place]) => place)).toEqual([0]);
    histogram.observe(9);
    expect(w.report()?.changed.map(([place]) => place)).toEqual([2]);
    cell.set(Number.NaN);
    w.report();
    cell.set(Number.NaN);
    expect(w.report()).toBeUndefined();
    expect(plain(w.reports.families)).toEqual(plain(w.meter.families()));
  });

  it('tells a series that took the place of another with the same value', () => {
    const w = world();
    const instrument = w.meter.instrument(gauge('a'));
    instrument.with('x').set(1);
    w.report();
    instrument.remove('x');
    instrument.with('y').set(1);
    w.report();
    expect(plain(w.reports.families)).toEqual([['a', [{ labels: ['y'], value: 1 }]]]);
  });

  it('tells faults, and their end', () => {
    const w = world();
    expect(w.report(['full'])?.faults).toEqual(['full']);
    expect(w.report(['full'])).toBeUndefined();
    expect(w.report()?.faults).toEqual([]);
  });

  it('holds families of one name, and forgets those that are gone', () => {
    const w = world();
    const [one, other] = [createMeter(() => 0), createMeter(() => 0)];
    one.instrument(gauge('a')).with('x').set(1);
    other.instrument(gauge('a')).with('x').set(2);
    const both = [...one.families(), ...other.families()];
    w.report([], both);
    expect(plain(w.reports.families)).toEqual(plain(both));
    w.report([], other.families());
    expect(plain(w.reports.families)).toEqual(plain(other.families()));
  });

  const step = fc.record({
    action: fc.constantFrom('set', 'observe', 'remove', 'report'),
    name: fc.constantFrom('a', 'b', 'c'),
    of: fc.constantFrom('x', 'y'),
    value: fc.double(),
  });
  it('makes the whole again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), steps => {
        const w = world();
        for (const { action, name, of, value } of steps) {
          const instrument = w.meter.instrument(action === 'observe' ? HISTOGRAM : gauge(name));
          if (action === 'set') instrument.with(of).set(value);
          else if (action === 'observe') instrument.with(of).observe(value);
          else if (action === 'remove') instrument.remove(of);
          else w.report();
        }
        w.report();
        expect(plain(w.reports.families)).toEqual(plain(w.meter.families()));
      }),
    );
  });
});
