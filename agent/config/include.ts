// A configuration file with all it includes, as one tree.

import { isUtf8 } from 'node:buffer';
import { globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError, causeOf } from '../core/errors.ts';
import type { Path } from '../core/options.ts';
import { expand } from './expand.ts';
import { type MapTree, type Place, type Report, readTree, type Scalar, type Tree } from './tree.ts';

export interface Files {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws what `readFileSync` throws. */
  readonly readFile?: ((path: string) => Uint8Array) | undefined;
  readonly report: Report;
}

/**
 * Reads a file and, sorted by name after it, those of its `include` (globs relative to the file that names them).
 * Maps are united, lists appended, other values replaced by later ones; a daemon belongs to one file alone. What is
 * wrong is reported, but a main file that cannot be read throws ConfigError.
 */
export function readFiles(file: string, { env, readFile = readFileSync, report }: Files): Tree {
  const text = (path: string): string => {
    try {
      const bytes = readFile(path);
      if (!isUtf8(bytes)) throw new Error('it is not UTF-8');
      return new TextDecoder().decode(bytes);
    } catch (error) {
      throw new ConfigError(`cannot read "${path}": ${causeOf(error)}`, { cause: error });
    }
  };
  const read = (file: string, content: string, above: readonly string[]): Tree => {
    const sources = {
      env: (name: string) => (Object.hasOwn(env, name) ? env[name] : undefined),
      file: (path: string) => text(resolve(dirname(file), path)),
    };
    const tree = readTree(content, file, (value, fault) => expand(value, sources, fault), report);
    const start: Place = { file, line: 1, col: 1 };
    const empty: MapTree = { kind: 'map', at: start, entries: new Map() };
    if (!tree || (tree.kind === 'scalar' && tree.value === null)) return empty;
    if (tree.kind !== 'map') {
      report(tree.at, [], 'the file is not a map with daemons, collectors, …');
      return empty;
    }
    const chain = [...above, file];
    for (const { item, path } of includes(tree)) {
      for (const found of expandGlob(dirname(file), String(item.value))) {
        if (chain.some(each => resolve(each) === resolve(found))) {
          report(item.at, path, `the file includes itself: ${[...chain, found].join(' → ')}`);
          continue;
        }
        try {
          merge(tree, read(found, text(found), chain) as MapTree, [], report);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          report(item.at, path, error.message);
        }
      }
    }
    return tree;
  };
  return read(file, text(file), []);
}

/** The texts under `include`; what else may stand there is for the schema to refuse. */
function includes(tree: MapTree): { item: Scalar; path: Path }[] {
  const node = tree.entries.get('include')?.node;
  const items = node?.kind === 'list' ? node.items : node ? [node] : [];
  return items.flatMap((item, i) =>
    item.kind === 'scalar' && typeof item.value === 'string' && !item.broken
      ? [{ item, path: node === item ? ['include'] : ['include', i] }]
      : [],
  );
}

/** A plain name stands for itself, so that a missing file is a finding; a glob may match nothing. */
function expandGlob(directory: string, pattern: string): string[] {
  const below = (name: string) => (name.startsWith('/') || directory === '.' ? name : `${directory}/${name}`);
  return /[*?[{]/.test(pattern) ? globSync(pattern, { cwd: directory }).sort().map(below) : [below(pattern)];
}

function merge(into: MapTree, from: MapTree, path: Path, report: Report): void {
  for (const [name, entry] of from.entries) {
    const mine = into.entries.get(name);
    const here = [...path, name];
    if (!mine) into.entries.set(name, entry);
    else if (path.length === 1 && path[0] === 'daemons')
      report(
        entry.keyAt,
        here,
        `the daemon is declared already at ${mine.keyAt.file}:${mine.keyAt.line}:${mine.keyAt.col}`,
      );
    else if (mine.node.kind === 'map' && entry.node.kind === 'map')
      merge(mine.node, entry.node, here, report);
    else if (mine.node.kind === 'list' && entry.node.kind === 'list')
      mine.node.items.push(...entry.node.items);
    else if (entry.node.kind !== 'scalar' || entry.node.value !== null) into.entries.set(name, entry);
  }
}
