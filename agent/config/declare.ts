// Daemons that no file declares, read as if one did, and the recipes there are for them.

import type { DaemonSpec, MatchSpec } from '../core/daemon.ts';
import { daemons } from './daemons.ts';
import { formats } from './patterns.ts';
import { createRecipes } from './recipes.ts';

/** `raw` is what would stand below `daemons:`. Throws for what a file may not say. */
export function readDaemons(raw: Readonly<Record<string, unknown>>): DaemonSpec[] {
  const parsed = daemons(createRecipes()).parse(raw, [], {
    formats,
    problem(path, message) {
      throw new Error(`cannot declare daemon "${path[0] ?? ''}": ${message}`);
    },
  });
  return Object.values(parsed ?? {});
}

export interface ListedRecipe {
  readonly name: string;
  readonly match: MatchSpec;
  /** Syslog tags. */
  readonly identifiers: readonly string[];
  /** Globs of its log files. */
  readonly files: readonly string[];
}

/** Every packaged recipe that says which processes it is about. */
export function listRecipes(): ListedRecipe[] {
  const recipes = createRecipes();
  return recipes.names.flatMap(name => {
    const { match, logs } = recipes.read(name);
    return match ? [{ name, match, identifiers: logs?.identifiers ?? [], files: logs?.files ?? [] }] : [];
  });
}
