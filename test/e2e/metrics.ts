// A page of metrics as tests ask it: the Prometheus text format 0.0.4, read strictly.

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** What was on the page. */
export interface Metrics {
  readonly samples: readonly Sample[];
  /** Samples of a name whose labels include these. */
  all(name: string, labels?: Labels): Sample[];
  /** The value of the only such sample; undefined when there is none, an error when there are several. */
  value(name: string, labels?: Labels): number | undefined;
  /** The sum of all such samples; 0 when there is none. */
  sum(name: string, labels?: Labels): number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const WORDS: Readonly<Record<string, number>> = { '+Inf': Infinity, '-Inf': -Infinity, NaN };

function labelsOf(text: string): Labels {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let match = LABEL.exec(text); match; match = LABEL.exec(text)) {
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    end = LABEL.lastIndex;
  }
  if (end !== text.length) throw new Error(`cannot read labels "${text}"`);
  return labels;
}

/** Throws on a line outside of the grammar, and on a series that stands there twice. */
export function parseMetrics(page: string): Metrics {
  const samples: Sample[] = [];
  const series = new Set<string>();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) throw new Error(`cannot read metrics line "${line}"`);
    const [, name = '', labels = '', value = ''] = match;
    const number = WORDS[value] ?? Number(value);
    if (Number.isNaN(number) && value !== 'NaN') throw new Error(`cannot read the value of "${line}"`);
    const key = line.slice(0, line.lastIndexOf(' '));
    if (series.has(key)) throw new Error(`a series twice: ${key}`);
    series.add(key);
    samples.push({ name, labels: labelsOf(labels), value: number });
  }
  const all = (name: string, labels: Labels = {}) =>
    samples.filter(
      sample =>
        sample.name === name &&
        Object.entries(labels).every(([key, value]) => (sample.labels[key] ?? '') === value),
    );
  return {
    samples,
    all,
    value(name, labels) {
      const found = all(name, labels);
      if (found.length > 1)
        throw new Error(`${found.length} series of ${name} fit ${JSON.stringify(labels)}`);
      return found[0]?.value;
    },
    sum: (name, labels) => all(name, labels).reduce((sum, sample) => sum + sample.value, 0),
  };
}

/** What an exporter's ledger lacks: received − delivered − dropped − in the spool. 0 when it balances. */
export function ledgerGap(metrics: Metrics, exporter: string): number {
  return (
    metrics.sum('eudaemon_records_received_total') -
    metrics.sum('eudaemon_records_delivered_total', { exporter }) -
    metrics.sum('eudaemon_records_dropped_total', { exporter: '' }) -
    metrics.sum('eudaemon_records_dropped_total', { exporter }) -
    metrics.sum('eudaemon_spool_records', { exporter })
  );
}
