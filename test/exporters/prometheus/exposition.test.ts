import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Desc, Family, MetricType, Point } from '../../../agent/core/metric.ts';
import { createExposition, type Format } from '../../../exporters/prometheus/exposition.ts';
import { readNumber, readOpenMetrics } from './openmetrics.ts';

const gauge = (name: string, labels: string[] = [], help = 'Help.'): Desc => ({
  name,
  type: 'gauge',
  help,
  labels,
});
const point = (value: number, ...labels: string[]): Point => ({ labels, value, created: 1700000000.25 });
const family = (desc: Desc, ...points: Point[]): Family => ({ desc, points });

const write = (families: Iterable<Family>, format: Format = 'text', expose = createExposition()) => {
  const faults: string[] = [];
  const slices = [...expose(families, format, (reason, message) => faults.push(`${reason}: ${message}`))];
  return { page: Buffer.concat(slices).toString(), faults, slices };
};

const HOST: readonly Family[] = [
  family(
    { name: 'eudaemon.daemon.up', type: 'gauge', help: 'Whether it runs.', labels: ['daemon'] },
    point(1, 'nginx'),
    point(0, 'cron'),
  ),
  family(
    {
      name: 'eudaemon.daemon.cpu',
      type: 'counter',
      unit: 's',
      help: 'CPU "time".\nBoth modes.',
      labels: ['daemon', 'mode'],
    },
    point(12.5, 'nginx', 'user'),
  ),
  family(
    {
      name: 'eudaemon.health.check.duration',
      type: 'histogram',
      unit: 's',
      help: 'How long a check took.',
      labels: ['check'],
      buckets: [0.1, 1, 2.5],
    },
    { labels: ['web'], value: 0, created: 1700000000, histogram: { counts: [1, 3, 3, 4], sum: 8.75 } },
  ),
  family({ name: 'eudaemon.empty', type: 'gauge', help: 'No points.' }),
  family(
    { name: 'eudaemon.bare', type: 'histogram', help: 'No labels.', buckets: [1] },
    { labels: [], value: 0, created: 1, histogram: { counts: [0, 0], sum: 0 } },
  ),
];

describe('pages', () => {
  test('text 0.0.4', () => {
    expect(write(HOST).page).toBe(String.raw`# HELP eudaemon_bare No labels.
# TYPE eudaemon_bare histogram
eudaemon_bare_bucket{le="1"} 0
eudaemon_bare_bucket{le="+Inf"} 0
eudaemon_bare_sum 0
eudaemon_bare_count 0
# HELP eudaemon_daemon_cpu_seconds_total CPU "time".\nBoth modes.
# TYPE eudaemon_daemon_cpu_seconds_total counter
eudaemon_daemon_cpu_seconds_total{daemon="nginx",mode="user"} 12.5
# HELP eudaemon_daemon_up Whether it runs.
# TYPE eudaemon_daemon_up gauge
eudaemon_daemon_up{daemon="nginx"} 1
eudaemon_daemon_up{daemon="cron"} 0
# HELP eudaemon_health_check_duration_seconds How long a check took.
# TYPE eudaemon_health_check_duration_seconds histogram
eudaemon_health_check_duration_seconds_bucket{check="web",le="0.1"} 1
eudaemon_health_check_duration_seconds_bucket{check="web",le="1"} 3
eudaemon_health_check_duration_seconds_bucket{check="web",le="2.5"} 3
eudaemon_health_check_duration_seconds_bucket{check="web",le="+Inf"} 4
eudaemon_health_check_duration_seconds_sum{check="web"} 8.75
eudaemon_health_check_duration_seconds_count{check="web"} 4
`);
  });

  test('OpenMetrics 1.0', () => {
    expect(write(HOST, 'openmetrics').page).toBe(String.raw`# TYPE eudaemon_bare histogram
# HELP eudaemon_bare No labels.
eudaemon_bare_bucket{le="1.0"} 0
eudaemon_bare_bucket{le="+Inf"} 0
eudaemon_bare_sum 0
eudaemon_bare_count 0
eudaemon_bare_created 1
# TYPE eudaemon_daemon_cpu_seconds counter
# UNIT eudaemon_daemon_cpu_seconds seconds
# HELP eudaemon_daemon_cpu_seconds CPU \"time\".\nBoth modes.
eudaemon_daemon_cpu_seconds_total{daemon="nginx",mode="user"} 12.5
eudaemon_daemon_cpu_seconds_created{daemon="nginx",mode="user"} 1700000000.25
# TYPE eudaemon_daemon_up gauge
# HELP eudaemon_daemon_up Whether it runs.
eudaemon_daemon_up{daemon="nginx"} 1
eudaemon_daemon_up{daemon="cron"} 0
# TYPE eudaemon_health_check_duration_seconds histogram
# UNIT eudaemon_health_check_duration_seconds seconds
# HELP eudaemon_health_check_duration_seconds How long a check took.
eudaemon_health_check_duration_seconds_bucket{check="web",le="0.1"} 1
eudaemon_health_check_duration_seconds_bucket{check="web",le="1.0"} 3
eudaemon_health_check_duration_seconds_bucket{check="web",le="2.5"} 3
eudaemon_health_check_duration_seconds_bucket{check="web",le="+Inf"} 4
eudaemon_health_check_duration_seconds_sum{check="web"} 8.75
eudaemon_health_check_duration_seconds_count{check="web"} 4
eudaemon_health_check_duration_seconds_created{check="web"} 1700000000
# EOF
`);
  });

  test('nothing known', () => {
    expect(write([]).page).toBe('');
    expect(write([], 'openmetrics').page).toBe('# EOF\n');
  });
});

test.each([
  [0, '0'],
  [-0, '0'],
  [1, '1'],
  [0.1 + 0.2, '0.30000000000000004'],
  [1e21, '1e+21'],
  [5e-324, '5e-324'],
  [2 ** 53, '9007199254740992'],
  [Number.NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
])('the number %s reads %s', (value, text) => {
  expect(write([family(gauge('n'), point(value))]).page.split('\n')[2]).toBe(`n ${text}`);
});

test.each([
  ['plain', 'plain'],
  ['', ''],
  ['C:\\new "x"', String.raw`C:\\new \"x\"`],
  ['two\nlines', String.raw`two\nlines`],
  ['\r\t', '\r\t'],
  ['größe 💚', 'größe 💚'],
  ['before\0after', 'before\ufffdafter'],
  ['\ud800 alone', '\ufffd alone'],
  ['{le="1"} 5', String.raw`{le=\"1\"} 5`],
])('the label value %j reads %j', (value, text) => {
  expect(write([family(gauge('n', ['l']), point(1, value))]).page.split('# TYPE n gauge\n')[1]).toBe(
    `n{l="${text}"} 1\n`,
  );
});

describe('sources', () => {
  test('families of one name from several sources make one block', () => {
    const desc = gauge('a.b', ['x']);
    const { page, faults } = write([
      family(desc, point(1, '1')),
      family(gauge('z'), point(0)),
      family({ ...desc }, point(2, '2')),
    ]);
    expect(page).toBe(
      '# HELP a_b Help.\n# TYPE a_b gauge\na_b{x="1"} 1\na_b{x="2"} 2\n# HELP z Help.\n# TYPE z gauge\nz 0\n',
    );
    expect(faults).toEqual([]);
  });

  test.each<{ name: string; families: Family[]; fault: string }>([
    {
      name: 'another type',
      families: [family(gauge('a'), point(1)), family({ ...gauge('a'), type: 'counter' }, point(2))],
      fault: 'conflict: cannot expose counter "a": another source has it as gauge',
    },
    {
      name: 'a series twice',
      families: [family(gauge('a', ['l']), point(1, 'x')), family(gauge('a', ['l']), point(2, 'x'))],
      fault: 'duplicate: cannot expose series "a{l="x"}": another source has it',
    },
    {
      name: 'a name Prometheus does not take',
      families: [family(gauge('a'), point(1)), family(gauge('1 bad\nname'), point(2))],
      fault: 'invalid_name: cannot expose "1 bad\nname": its name or one of its labels is not valid',
    },
    {
      name: 'a label Prometheus does not take',
      families: [family(gauge('a'), point(1)), family(gauge('b', ['l-l']), point(2, 'x'))],
      fault: 'invalid_name: cannot expose "b": its name or one of its labels is not valid',
    },
  ])('$name is left out and reported', ({ families, fault }) => {
    const { page, faults } = write(families);
    expect(page).toMatch(/^# HELP a Help\.\n# TYPE a gauge\na(\{l="x"\})? 1\n$/);
    expect(faults).toEqual([fault]);
  });
});

test('a large page comes in slices, and label blocks are written once a series', () => {
  const points = Array.from({ length: 20_000 }, (_, i) => point(i, `daemon-${i}`));
  const families = [family(gauge('n', ['daemon']), ...points)];
  const { slices, page } = write(families);
  expect(slices.length).toBeGreaterThan(3);
  expect(Math.max(...slices.map(slice => slice.length))).toBeLessThan(150_000);
  expect(page.split('\n')).toHaveLength(20_003);
  expect(points[7]!.text).toBe('{daemon="daemon-7"}');
  expect(write(families).page).toBe(page);
});

/** The obvious writer: no cache, no slices, one line after the other. */
function obvious(families: readonly Family[]): string {
  const quote = (text: string) =>
    JSON.stringify(text.toWellFormed().replaceAll('\0', '\ufffd')).replace(
      /\\u00([0-9a-f]{2})|\\([bfrt])/g,
      (_, hex, short) =>
        hex
          ? String.fromCharCode(Number.parseInt(hex, 16))
          : { b: '\b', f: '\f', r: '\r', t: '\t' }[short as 'b'],
    );
  const labels = (names: readonly string[], values: readonly string[]) =>
    names.length === 0 ? '' : `{${names.map((name, i) => `${name}=${quote(values[i]!)}`).join(',')}}`;
  const number = (n: number) =>
    String(n)
      .replace(/^Infinity/, '+Inf')
      .replace(/^-Infinity/, '-Inf');
  const lines: string[] = [];
  for (const { desc, points } of families.toSorted((a, b) => (a.desc.name < b.desc.name ? -1 : 1))) {
    const all = [...points];
    if (all.length === 0) continue;
    const name = desc.type === 'counter' ? `${desc.name}_total` : desc.name;
    lines.push(`# HELP ${name} ${desc.help}`, `# TYPE ${name} ${desc.type}`);
    for (const { value, histogram, labels: values } of all) {
      const names = desc.labels ?? [];
      if (!histogram) lines.push(`${name}${labels(names, values)} ${number(value)}`);
      else {
        [...desc.buckets!, Infinity].forEach((bound, i) => {
          lines.push(
            `${name}_bucket${labels([...names, 'le'], [...values, number(bound)])} ${histogram.counts[i]}`,
          );
        });
        lines.push(`${name}_sum${labels(names, values)} ${number(histogram.sum)}`);
        lines.push(`${name}_count${labels(names, values)} ${histogram.counts.at(-1)}`);
      }
    }
  }
  return lines.map(line => `${line}\n`).join('');
}

const anyFamily = (name: string): fc.Arbitrary<Family> =>
  fc
    .record({
      type: fc.constantFrom<MetricType>('counter', 'gauge', 'histogram'),
      labels: fc.subarray(['daemon', 'mode', 'check']),
      buckets: fc
        .uniqueArray(fc.integer({ min: -50, max: 5000 }), { maxLength: 4 })
        .map(all => all.map(n => n / 8).sort((a, b) => a - b)),
      unit: fc.constantFrom('_seconds', '_bytes', ''),
    })
    .chain(({ type, labels, buckets, unit }) =>
      fc
        .uniqueArray(
          fc.record({
            labels: fc.tuple(
              ...labels.map(() =>
                fc.string({ unit: 'binary', maxLength: 6 }).map(text => text.replaceAll('\0', '')),
              ),
            ),
            value: fc.double(),
            counts: fc.tuple(...[...buckets, 0].map(() => fc.nat(100))),
          }),
          { selector: each => each.labels.join('\0'), maxLength: 4 },
        )
        .map(points => ({
          desc: { name: `${name}${unit}`, type, help: 'Any help.', labels, buckets },
          points: points.map(({ counts, ...each }) => ({
            ...each,
            created: 5.5,
            ...(type === 'histogram' ? { histogram: { counts, sum: each.value } } : {}),
          })),
        })),
    );
const anyHost = fc.tuple(...['b', 'a_b', 'c'].map(anyFamily));

describe('any families', () => {
  test('the text is what the obvious writer writes', () => {
    fc.assert(
      fc.property(anyHost, families => {
        expect(write(families).page).toBe(obvious(families));
      }),
    );
  });

  test('OpenMetrics is read back whole by a strict reader', () => {
    fc.assert(
      fc.property(anyHost, families => {
        const read = readOpenMetrics(write(families, 'openmetrics').page);
        for (const { desc, points } of families) {
          const all = [...points];
          const family = read.get(desc.name);
          if (all.length === 0) {
            expect(family).toBeUndefined();
            continue;
          }
          expect(family).toMatchObject({
            type: desc.type,
            help: desc.help,
            unit: /seconds|bytes/.exec(desc.name)?.[0],
          });
          const suffix = { counter: '_total', gauge: '', histogram: '_sum' }[desc.type];
          const samples = family!.samples.filter(({ name }) => name === desc.name + suffix);
          expect(samples.map(({ labels, value }) => ({ labels, value: value + 0 }))).toEqual(
            all.map(({ labels, value }) => ({
              labels: Object.fromEntries(desc.labels!.map((name, i) => [name, labels[i]!.toWellFormed()])),
              value: value + 0,
            })),
          );
          if (desc.type === 'histogram')
            for (const { labels, name, value } of family!.samples)
              if (name.endsWith('_count'))
                expect(value).toBe(
                  all
                    .find(each => desc.labels!.every((l, i) => each.labels[i]!.toWellFormed() === labels[l]))!
                    .histogram!.counts.at(-1),
                );
        }
      }),
    );
  });
});

test('the strict reader refuses what is not OpenMetrics', () => {
  const head = '# TYPE a counter\n# HELP a H\n';
  const broken = [
    `${head}a_total 1\n`,
    `${head}a 1\n# EOF\n`,
    `${head}a_total{x="a\\qb"} 1\n# EOF\n`,
    `${head}a_total{x="1",x="2"} 1\n# EOF\n`,
    `${head}a_total 1\na_total 2\n# EOF\n`,
    `${head}a_total 1,5\n# EOF\n`,
    `${head}# TYPE b gauge\n# HELP b H\n${head}# EOF\n`,
    '# TYPE a histogram\n# HELP a H\na_bucket{le="1"} 1\n# EOF\n',
    '# TYPE a_s gauge\n# UNIT a_s seconds\n# HELP a_s H\na_s 1\n# EOF\n',
    `${head}\n# EOF\n`,
  ];
  for (const page of broken) expect(() => readOpenMetrics(page), page).toThrow();
  expect(readNumber('-Inf')).toBe(-Infinity);
  expect(readOpenMetrics(`${head}a_total{x="\\n"} 1\n# EOF\n`).get('a')!.samples).toEqual([
    { name: 'a_total', labels: { x: '\n' }, value: 1 },
  ]);
});

test('pages of one writer are those of new ones, whatever comes and goes between them', () => {
  const expose = createExposition();
  const [one, other, third] = HOST as [Family, Family, Family];
  const twice = family({ ...one.desc, type: 'counter' }, point(1, 'nginx'));
  const moved = family(one.desc, point(3, 'nginx'), point(4, 'redis'));
  const bad = family(gauge('eudaemon.bad-name'), point(1));
  for (const families of [
    HOST,
    HOST,
    [one],
    [],
    [one, twice],
    [one, twice],
    [],
    [moved, other],
    [bad],
    [bad, third],
  ])
    for (const format of ['text', 'openmetrics', 'text'] as const) {
      const { page, faults } = write(families, format, expose);
      const fresh = write(families, format);
      expect(page).toBe(fresh.page);
      expect(faults).toEqual(fresh.faults);
    }
  const series = point(1);
  const live = family(gauge('eudaemon.live'), series);
  for (const value of [1, 2, 2, 7]) {
    series.value = value;
    expect(write([live], 'text', expose).page).toContain(`\neudaemon_live ${value}\n`);
  }
});
