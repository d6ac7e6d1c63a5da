// A strict reader of OpenMetrics text 1.0 for tests: follows the specification's ABNF, throws at the first deviation.

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly samples: { name: string; labels: Record<string, string>; value: number }[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count', '_created'],
};
const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const META = new RegExp(`^# (TYPE|UNIT|HELP) (${NAME}) ([^\\n]*)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{([^\\n]*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const NUMBER = /^([+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]Inf|NaN)$/i;

export function readOpenMetrics(page: string): Map<string, ReadFamily> {
  if (!page.endsWith('# EOF\n')) throw new Error('the page does not end with # EOF');
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let open:
    | { name: string; type?: string; unit?: string; help?: string; samples: ReadFamily['samples'] }
    | undefined;
  const finish = () => {
    if (!open) return;
    const { name, type, unit, help } = open;
    if (type === undefined || help === undefined) throw new Error(`${name} lacks TYPE or HELP`);
    families.set(name, { name, type, help, unit, samples: open.samples });
  };
  for (const line of page.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, kind, subject = '', text = ''] = META.exec(line) ?? [];
    if (kind !== undefined) {
      if (open?.name !== subject) {
        finish();
        if (families.has(subject)) throw new Error(`${subject} is interleaved`);
        open = { name: subject, samples: [] };
      }
      if (open.samples.length > 0) throw new Error(`${kind} of ${subject} behind its samples`);
      const key = kind.toLowerCase() as 'type' | 'unit' | 'help';
      if (open[key] !== undefined) throw new Error(`two ${kind} of ${subject}`);
      if (key === 'unit' && !subject.endsWith(`_${text}`))
        throw new Error(`${subject} does not end in its unit`);
      open[key] = key === 'help' ? unescapeText(text) : text;
      continue;
    }
    const [, name = '', labelText, value = ''] = SAMPLE.exec(line) ?? [];
    if (!open || name === '') throw new Error(`not a line of OpenMetrics: ${line}`);
    const suffix = SUFFIXES[open.type ?? '']?.find(each => name === open!.name + each);
    if (suffix === undefined) throw new Error(`${name} is no sample of ${open.type} ${open.name}`);
    if (!NUMBER.test(value)) throw new Error(`${value} is no number`);
    const labels = labelText === undefined ? {} : readLabels(labelText);
    if (suffix === '_bucket' && !/^(\+Inf|-?\d+\.\d+|-?\d(\.\d+)?e[+-]\d+)$/.test(labels['le'] ?? ''))
      throw new Error(`${labels['le']} is no bound`);
    const id = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
    if (series.has(id)) throw new Error(`two series ${id}`);
    series.add(id);
    open.samples.push({ name, labels, value: readNumber(value) });
  }
  finish();
  return families;
}

export const readNumber = (text: string): number => Number(text.replace(/^([+-]?)Inf$/, '$1Infinity'));

const unescapeText = (text: string): string => {
  if (!/^(?:[^"\\]|\\["\\n])*$/.test(text)) throw new Error(`badly escaped: ${text}`);
  return text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
};

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const match = LABEL.exec(text);
    if (!match) throw new Error(`badly written labels at ${at}: ${text}`);
    if (match[1]! in labels) throw new Error(`two labels ${match[1]}`);
    labels[match[1]!] = unescapeText(match[2]!);
  }
  return labels;
}
