// Metric families: how a figure is described once and told twice, to Prometheus and to OTLP.

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A family of series, declared as a constant beside the code that fills it. */
export interface Desc {
  /** OpenTelemetry name, dotted, without unit or `_total`: `eudaemon.daemon.cpu`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** UCUM: `s`, `By`, `1` for ratios, `{thread}`; none where a unit says nothing. */
  readonly unit?: string;
  /** Label names as Prometheus spells them, in the order values are given. */
  readonly labels?: readonly string[];
  /** OTLP attribute name of a label where it differs: `{ mode: 'cpu.mode' }`. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Prometheus base name (without `_total`) where the derived one will not do. */
  readonly prometheus?: string;
  /** A gauge whose series add up to a whole, such as memory by state: an UpDownCounter to OTLP, which is a sum. */
  readonly additive?: true;
  /** Not told to OTLP, where the SDK says the same by the names of semantic conventions. */
  readonly prometheusOnly?: true;
  /** Upper bounds of a histogram, ascending, without +Inf. */
  readonly buckets?: readonly number[];
}

/** One series. Histograms carry `histogram`, others `value`. */
export interface Point {
  readonly labels: readonly string[];
  value: number;
  histogram?: Histogram;
  /** Unix seconds when the series began; written as `_created` and start_time. */
  readonly created: number;
  /** The label block as last rendered; kept by the exposition writer, dies with the series. */
  text?: string;
  /** The value as last rendered, and that text: most series stand still between two scrapes. */
  shownValue?: number;
  shown?: string;
}

export interface Histogram {
  /** Cumulative counts, one a bound plus +Inf. */
  readonly counts: number[];
  sum: number;
}

export interface Family {
  readonly desc: Desc;
  readonly points: Iterable<Point>;
}

const UNIT_SUFFIX: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

/**
 * Prometheus base name of a family, without `_total`: dots become underscores and the unit a suffix, as the
 * OpenTelemetry–Prometheus compatibility specification maps them.
 */
export function prometheusName(desc: Desc): string {
  if (desc.prometheus !== undefined) return desc.prometheus;
  const base = desc.name.replaceAll('.', '_');
  const suffix = UNIT_SUFFIX[desc.unit ?? ''];
  return suffix === undefined || base.endsWith(`_${suffix}`) ? base : `${base}_${suffix}`;
}
