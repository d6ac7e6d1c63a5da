// Step `metric`: a counter or histogram out of records. Its series are limited: what comes after the last is `other`.

import type { Cell } from '../../core/meter.ts';
import type { Desc } from '../../core/metric.ts';
import type { MetricSpec } from '../../core/processor.ts';
import { type LogRecord, utf8 } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';
import { valueText } from './text.ts';

const OTHER = 'other';
const SEPARATOR = '\u0000';
/** A longer value of a label is no category. */
const MAX_LABEL = 128;

/** A name as Prometheus has it for counters says no more than without its end. */
const describe = ({ name, type, unit, help, buckets, labels }: MetricSpec): Desc => ({
  name: type === 'counter' ? name.replace(/[._]total$/, '') : name,
  type,
  help: help ?? 'Made of log records by a processor.',
  labels: ['daemon', ...Object.keys(labels)],
  ...(unit === undefined ? {} : { unit }),
  ...(type === 'histogram' ? { buckets } : {}),
});

export function createMetric(spec: MetricSpec, { unpacker, meterOf }: StepRoom): Step {
  const desc = describe(spec);
  const meter = meterOf(JSON.stringify(spec));
  const instrument = meter.instrument(desc);
  const sources = Object.values(spec.labels).map(utf8);
  const value = spec.value === undefined ? undefined : utf8(spec.value);
  const isHistogram = spec.type === 'histogram';
  const cells = new Map<string, Cell>();
  // A reload that leaves this step as it is leaves its figures, too.
  for (const { points } of meter.families())
    for (const { labels } of points) cells.set(labels.join(SEPARATOR), instrument.with(...labels));

  const label = (record: LogRecord, key: Uint8Array): string => {
    const at = record.attributes.find(key);
    const text = at < 0 ? '' : (valueText(record.attributes, at) ?? '');
    return text.length > MAX_LABEL ? OTHER : text;
  };

  const cellOf = (record: LogRecord): Cell => {
    const labels = [record.origin.daemon ?? OTHER];
    for (const source of sources) labels.push(label(record, source));
    const name = labels.join(SEPARATOR);
    let cell = cells.get(name);
    if (cell === undefined) {
      cell = instrument.with(...(cells.size < spec.max_series ? labels : labels.map(() => OTHER)));
      if (cells.size < spec.max_series) cells.set(name, cell);
    }
    return cell;
  };

  return {
    run(record) {
      unpacker.unpack(record.attributes);
      const at = value === undefined ? -1 : record.attributes.find(value);
      const text = at < 0 ? undefined : valueText(record.attributes, at)?.trim();
      const amount = value === undefined ? 1 : text ? Number(text) : Number.NaN;
      if (!Number.isFinite(amount) || (amount < 0 && !isHistogram)) return '';
      const cell = cellOf(record);
      if (isHistogram) cell.observe(amount);
      else cell.add(amount);
      return '';
    },
  };
}
