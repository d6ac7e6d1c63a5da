// Writes metric families as Prometheus text 0.0.4 or OpenMetrics 1.0. Pure; one bad family never spoils the page.

import type { Desc, Family, Point } from '../../agent/core/metric.ts';
import { prometheusName } from '../../agent/core/metric.ts';

export type Format = 'text' | 'openmetrics';

/** What was left out of a page, and why. */
export type Fault = (reason: 'conflict' | 'duplicate' | 'invalid_name', message: string) => void;

/** Under 1 ms of work: between two slices the event loop may turn. */
export const SLICE_BYTES = 64 * 1024;

/** Families of one name, from however many sources: one HELP, one TYPE. */
interface Block {
  readonly name: string;
  readonly desc: Desc;
  readonly families: Family[];
  /** As last written. */
  header?: { readonly format: Format; readonly text: string };
}

const encoder = new TextEncoder();

/**
 * Gives the page in UTF-8 slices, all but the last of at least SLICE_BYTES, families sorted by name; a family without
 * points is left out. Text 0.0.4: Prometheus docs, "Exposition formats"; OpenMetrics: its specification 1.0.
 */
export type Expose = (
  families: Iterable<Family>,
  format: Format,
  fault: Fault,
) => Generator<Uint8Array, void, void>;

/** While the families are the same objects from page to page, their names, order and headers are worked out once. */
export function createExposition(): Expose {
  let known: readonly Family[] | undefined;
  let blocks: readonly Block[] = [];
  return (given, format, fault) => {
    const families = [...given];
    if (families.length !== known?.length || families.some((family, i) => family !== known?.[i])) {
      known = families;
      blocks = blocksOf(families, (reason, message) => {
        // It is told for each page.
        known = undefined;
        fault(reason, message);
      });
    }
    return write(blocks, format, fault);
  };
}

function* write(blocks: readonly Block[], format: Format, fault: Fault): Generator<Uint8Array, void, void> {
  const writePoint = { counter: writeCounter, gauge: writeGauge, histogram: writeHistogram };
  let page = '';
  for (const block of blocks) {
    const { name, desc } = block;
    const writeOne = writePoint[desc.type];
    const seen = block.families.length > 1 ? new Set<string>() : undefined;
    let started = false;
    for (const family of block.families) {
      let parts: string[] | undefined;
      for (const point of family.points) {
        if (point.text === undefined) {
          parts ??= labelParts(family.desc.labels ?? []);
          point.text = labelBlock(parts, point.labels);
        }
        if (seen?.has(point.text)) {
          fault('duplicate', `cannot expose series "${name}${point.text}": another source has it`);
          continue;
        }
        seen?.add(point.text);
        if (!started) page += headerOf(block, format);
        started = true;
        page += writeOne(name, point, desc, format);
        if (page.length < SLICE_BYTES) continue;
        yield encoder.encode(page);
        page = '';
      }
    }
  }
  yield encoder.encode(format === 'openmetrics' ? `${page}# EOF\n` : page);
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function blocksOf(families: Iterable<Family>, fault: Fault): Block[] {
  const blocks = new Map<string, Block>();
  for (const family of families) {
    const { desc } = family;
    const name = prometheusName(desc);
    const block = blocks.get(name);
    if (!NAME.test(name) || !(desc.labels ?? []).every(label => LABEL.test(label)))
      fault('invalid_name', `cannot expose "${name}": its name or one of its labels is not valid`);
    else if (!block) blocks.set(name, { name, desc, families: [family] });
    else if (block.desc.type === desc.type) block.families.push(family);
    else
      fault('conflict', `cannot expose ${desc.type} "${name}": another source has it as ${block.desc.type}`);
  }
  return [...blocks.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function headerOf(block: Block, format: Format): string {
  if (block.header?.format !== format)
    block.header = { format, text: header(block.name, block.desc, format) };
  return block.header.text;
}

/** OpenMetrics names the family without `_total`, text 0.0.4 the samples as they stand. */
function header(name: string, desc: Desc, format: Format): string {
  if (format === 'text') {
    const sample = desc.type === 'counter' ? `${name}_total` : name;
    return `# HELP ${sample} ${escapeHelp(desc.help)}\n# TYPE ${sample} ${desc.type}\n`;
  }
  const unit = /_(seconds|bytes|ratio)$/.exec(name)?.[1];
  return (
    `# TYPE ${name} ${desc.type}\n` +
    (unit === undefined ? '' : `# UNIT ${name} ${unit}\n`) +
    `# HELP ${name} ${escapeHelp(desc.help).replaceAll('"', '\\"')}\n`
  );
}

function writeGauge(name: string, point: Point): string {
  return `${name}${point.text} ${shown(point)}\n`;
}

function writeCounter(name: string, point: Point, _desc: Desc, format: Format): string {
  return `${name}_total${point.text} ${shown(point)}\n${created(name, point, format)}`;
}

function writeHistogram(name: string, point: Point, desc: Desc, format: Format): string {
  const { histogram, text = '' } = point;
  if (!histogram) return '';
  const { counts, sum } = histogram;
  const bounds = desc.buckets ?? [];
  const before = `${name}_bucket${text === '' ? '{' : `${text.slice(0, -1)},`}le="`;
  let lines = '';
  for (let i = 0; i < bounds.length; i++)
    lines += `${before}${bucketBound(bounds[i]!, format)}"} ${counts[i]}\n`;
  const count = counts[bounds.length];
  return (
    `${lines}${before}+Inf"} ${count}\n` +
    `${name}_sum${text} ${float(sum)}\n${name}_count${text} ${count}\n${created(name, point, format)}`
  );
}

const created = (name: string, point: Point, format: Format): string =>
  format === 'openmetrics' ? `${name}_created${point.text} ${float(point.created)}\n` : '';

/** OpenMetrics wants bounds to read as floats, so that `le` is the same text in every process. */
const bucketBound = (bound: number, format: Format): string =>
  format === 'openmetrics' && Number.isInteger(bound) && Math.abs(bound) < 1e21 ? `${bound}.0` : float(bound);

function shown(point: Point): string {
  if (point.shown === undefined || point.shownValue !== point.value) {
    point.shown = float(point.value);
    point.shownValue = point.value;
  }
  return point.shown;
}

/** The shortest text that reads back as the same double. */
function float(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return `${value}`;
}

/** A label block in pieces, with room for a value after each name. */
const labelParts = (names: readonly string[]): string[] =>
  names.length === 0 ? [] : [...names.flatMap((name, i) => [`${i === 0 ? '{' : '",'}${name}="`, '']), '"}'];

/** One test for all values and one string without intermediate ones: a first page is a quarter cheaper (bench/exposition.ts). */
function labelBlock(parts: string[], values: readonly string[]): string {
  const special = values.join('').search(SPECIAL) >= 0;
  for (let i = 0; 2 * i + 1 < parts.length; i++) {
    const value = values[i] ?? '';
    parts[2 * i + 1] = special ? escapeLabel(value) : value;
  }
  return parts.join('');
}

const SPECIAL = /[\\"\n\0]/g;
// Prometheus takes NUL for the end of the page.
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\0': '\ufffd' };

const escapeLabel = (value: string): string => value.replace(SPECIAL, special => ESCAPES[special]!);

const escapeHelp = (help: string): string =>
  help.replace(SPECIAL, special => (special === '"' ? special : ESCAPES[special]!));
