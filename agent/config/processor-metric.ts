// The shape of the processor `metric`: a counter or histogram out of records. Pure.

import {
  describe,
  fallback,
  integer,
  list,
  map,
  object,
  oneOf,
  optional,
  pattern,
  type Schema,
  string,
} from '../core/options.ts';
import type { MetricSpec } from '../core/processor.ts';
import { also, number } from './shapes.ts';

/** Those of Prometheus client libraries, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Families of the agent itself. */
const OWN = /^(eudaemon|process|nodejs|host|system)[._]/;
const RESERVED = /^(?:__.*|daemon|le|quantile|job|instance)$/;

const name = also(pattern('a metric name of letters, digits, _ and .', /^[a-zA-Z][a-zA-Z0-9_.]*$/), text =>
  OWN.test(text) ? `"${text}" begins like the agent's own metrics` : undefined,
);

const label = also(
  map(string(), { what: 'a label name of letters, digits and _', pattern: /^[a-zA-Z_]\w*$/ }),
  labels => {
    const taken = Object.keys(labels).find(each => RESERVED.test(each));
    return taken === undefined ? undefined : `the label "${taken}" has a meaning of its own`;
  },
);

const fields = object({
  name: describe(
    name,
    'OpenTelemetry or Prometheus name; `_total` and the unit are added where they belong.',
  ),
  type: fallback(oneOf('counter', 'histogram'), 'counter'),
  value: optional(
    describe(string(), 'The attribute that is added or observed; records are counted without.'),
  ),
  help: optional(string()),
  unit: optional(describe(string(), 'UCUM, such as s or By.')),
  buckets: optional(describe(list(number()), 'Upper bounds of the histogram, ascending.')),
  labels: fallback(describe(label, 'Label to attribute. The label `daemon` is always there.'), {}),
  max_series: fallback(
    describe(integer(1, 10_000), 'Label combinations; what comes after them is counted as `other`.'),
    100,
  ),
});

export const metric: Schema<MetricSpec> = {
  json: fields.json,
  parse(input, path, checker) {
    const given = fields.parse(input, path, checker);
    if (!given) return undefined;
    const { type, value, buckets } = given;
    const wrong = (key: string, message: string) => checker.problem([...path, key], message);
    if (type === 'histogram' && value === undefined)
      wrong('type', 'a histogram observes an attribute: give `value`');
    if (type === 'counter' && buckets !== undefined) wrong('buckets', 'a counter has no buckets');
    if (buckets?.some((bound, i) => i > 0 && bound <= buckets[i - 1]!) || buckets?.length === 0)
      wrong('buckets', 'bounds ascend, and there is at least one');
    return { ...given, buckets: buckets ?? BUCKETS };
  },
};
