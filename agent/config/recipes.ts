// The recipes of config/recipes: what is known of common daemons, as data.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Problem } from '../core/errors.ts';
import { type Recipe, recipe } from './daemons.ts';
import { formats } from './patterns.ts';
import { dotted, locate, plain, readTree } from './tree.ts';

export interface Recipes {
  readonly names: readonly string[];
  /** One of `names`; a recipe that does not hold throws ConfigError. */
  read(name: string): Recipe;
}

/** The packaged data, beside agent/ in a checkout and beside dist/ when installed. */
export function packaged(...path: string[]): string {
  const above = join(import.meta.dirname, '..', '..', 'config');
  return join(existsSync(above) ? above : join(import.meta.dirname, '..', 'config'), ...path);
}

export function createRecipes(directory = packaged('recipes')): Recipes {
  const names = readdirSync(directory)
    .flatMap(file => /^(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
  return {
    names,
    read(name) {
      const file = join(directory, `${name}.yaml`);
      const problems: Problem[] = [];
      const tree = readTree(
        readFileSync(file, 'utf8'),
        file,
        text => text,
        (at, path, message) => problems.push({ ...at, path: dotted(path), message }),
      );
      const value =
        tree &&
        recipe.parse(plain(tree), [], {
          formats,
          problem: (path, message, on) =>
            problems.push({ ...locate(tree, path, on).at, path: dotted(path), message }),
        });
      if (problems.length > 0 || !value) throw new ConfigError(problems);
      return value;
    },
  };
}
