// The only door to the yaml package: text becomes a plain tree that remembers where each key and value was written.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from 'yaml';
import type { Path } from '../core/options.ts';
import { isWhole } from './expand.ts';

/** Counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

export interface Scalar {
  readonly kind: 'scalar';
  readonly at: Place;
  readonly value: string | number | boolean | null;
  /** What stands in the file, when the value came out of an expansion and is nobody's to print. */
  readonly written?: string;
  /** Already reported; nothing more is to be said about it. */
  readonly broken?: boolean;
}
export interface List {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: Tree[];
}
export interface Entry {
  readonly keyAt: Place;
  readonly node: Tree;
}
export interface MapTree {
  readonly kind: 'map';
  readonly at: Place;
  readonly entries: Map<string, Entry>;
}
export type Tree = Scalar | List | MapTree;

export type Report = (at: Place, path: Path, message: string) => void;
/** Replaces the expansions in a value. */
export type Expand = (text: string, fault: (message: string) => void) => string;

/**
 * Reads one YAML 1.2 document; undefined when it is not one. Every fault of the text is reported. Aliases are faults:
 * a configuration that is read by people repeats itself or includes, and so no file can grow by reference.
 */
export function readTree(text: string, file: string, expand: Expand, report: Report): Tree | undefined {
  const lines = new LineCounter();
  const place = (offset: number): Place => ({ file, ...lines.linePos(offset) });
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: 'error',
  });
  let broken = false;
  let lastLine = 0;
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const at = place(pos[0]);
    if (code !== 'DUPLICATE_KEY') broken = true;
    // One slip of the pen makes a train of complaints about the same line.
    if (at.line === lastLine) continue;
    lastLine = at.line;
    report(at, [], explain(code, message, text.split('\n', at.line).at(-1)!));
  }
  if (broken) return undefined;

  const convert = (node: YamlNode | null, path: Path, keyAt: Place): Tree => {
    const at = node?.range && node.range[0] < node.range[1] ? place(node.range[0]) : keyAt;
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      for (const { key, value } of node.items) {
        const name = String((key as { value?: unknown }).value ?? '');
        const at = place((key as YamlNode).range![0]);
        if (!entries.has(name))
          entries.set(name, { keyAt: at, node: convert(value as YamlNode | null, [...path, name], at) });
      }
      return { kind: 'map', at, entries };
    }
    if (isSeq(node))
      return {
        kind: 'list',
        at,
        items: node.items.map((item, i) => convert(item as YamlNode | null, [...path, i], at)),
      };
    if (isAlias(node)) {
      report(
        at,
        path,
        `the alias *${node.source} is not supported; repeat the value, or share a file by include`,
      );
      return { kind: 'scalar', at, value: null, broken: true };
    }
    if (!isScalar(node)) return { kind: 'scalar', at, value: null };
    const source = node.source ?? '';
    const value = node.value as string | number | boolean | null;
    if (typeof value === 'number') return { kind: 'scalar', at, value: numeric(source) ?? source };
    if (typeof value !== 'string' || !value.includes('$')) return { kind: 'scalar', at, value };
    let faulty = false;
    const expanded = expand(value, message => {
      faulty = true;
      report(at, path, message);
    });
    const typed = node.type === 'PLAIN' && isWhole(value) ? retype(expanded) : expanded;
    return { kind: 'scalar', at, value: typed, written: value, broken: faulty };
  };
  return convert(document.contents, [], { file, line: 1, col: 1 });
}

/** The number a decimal stands for. Octal, `0660`, `12e4` and the like keep their text: a mode or an id, not a count. */
function numeric(text: string): number | undefined {
  if (!/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : value;
}

function retype(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return numeric(text) ?? text;
}

/** The library's words, and for the usual slips what to do about them. */
function explain(code: string, message: string, line: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands here twice';
  if (code === 'RESOURCE_EXHAUSTION') return 'nested too deeply';
  if (code === 'TAB_AS_INDENT') return 'tabs are not allowed as indentation; use spaces';
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here; one file holds one';
  if (/[:[{,]\s*[<>]/.test(line)) return `${message}; put a condition in quotes, such as ">= 1"`;
  if (line.includes('${'))
    return `${message}; inside { } and [ ] put an expansion in quotes, such as "\${NAME}"`;
  return message;
}

/** The tree as plain values, for the schemas. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  return Object.fromEntries([...tree.entries].map(([name, { node }]) => [name, plain(node)]));
}

/**
 * Where a finding about `path` points: at the value when that is a scalar, else at its key; the last that exists
 * of a path that does not.
 */
export function locate(tree: Tree, path: Path, on: 'key' | 'value' = 'value'): { at: Place; node: Tree } {
  let node = tree;
  let keyAt: Place | undefined;
  for (const [depth, step] of path.entries()) {
    const entry = node.kind === 'map' ? node.entries.get(String(step)) : undefined;
    const item = node.kind === 'list' ? node.items[step as number] : undefined;
    if (!entry && !item) return { at: keyAt ?? node.at, node: { kind: 'scalar', at: node.at, value: null } };
    node = entry?.node ?? item!;
    keyAt = entry?.keyAt;
    if (on === 'key' && keyAt && depth === path.length - 1) return { at: keyAt, node };
  }
  return { at: node.kind === 'scalar' ? node.at : (keyAt ?? node.at), node };
}

/** `daemons.nginx.health[0].every` */
export const dotted = (path: Path): string =>
  path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i > 0 ? `.${step}` : step)).join('');
