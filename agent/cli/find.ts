// Finds the host's daemons and declares them: where identity, which looks, and the configuration, which knows the
// recipes and the shape of a declaration, meet.

import { type ListedRecipe, listRecipes, readDaemons } from '../config/declare.ts';
import type { Config } from '../config/index.ts';
import type { DaemonSpec } from '../core/daemon.ts';
import { attempt } from '../core/errors.ts';
import { type Declaration, declare } from '../identity/declare.ts';
import { type Discovered, type Discovery, discover } from '../identity/discover.ts';
import { createLookup } from '../identity/lookup.ts';
import type { Host } from '../identity/matcher.ts';

export interface Finder {
  /** Daemons that the configuration does not declare; `known` from before. */
  find(
    config: Pick<Config, 'daemons'> & { readonly agent: Pick<Config['agent'], 'host_root'> },
    known?: readonly Discovered[],
  ): Discovery;
  /** What would stand below `daemons:` for them. */
  write(found: readonly Discovered[]): Record<string, Declaration>;
  /** The same, read. */
  declare(found: readonly Discovered[]): DaemonSpec[];
  /** What an earlier agent wrote, as far as it is understood. */
  restore(written: Readonly<Record<string, unknown>>): DaemonSpec[];
}

/** Recipes are read when first needed. */
export function createFinder(room: Omit<Host, 'root'>): Finder {
  let listed: ListedRecipe[] | undefined;
  const recipes = () => {
    listed ??= listRecipes();
    return listed;
  };
  const write = (found: readonly Discovered[]) =>
    found.length === 0 ? {} : declare(found, recipes(), room.patterns);
  const read = (written: Readonly<Record<string, unknown>>) =>
    readDaemons(written).map(spec => ({ ...spec, logs: { ...spec.logs, presumed: true } }));
  return {
    find({ agent, daemons }, known = []) {
      const host = { ...room, root: agent.host_root };
      const lookup = createLookup({ ...host, declared: daemons });
      const claimed = (process: Parameters<typeof lookup.ofProcess>[0]) =>
        daemons.length > 0 && lookup.ofProcess(process) !== undefined;
      return discover({ ...host, recipes: recipes(), known, claimed });
    },
    write,
    declare: found => read(write(found)),
    restore: written =>
      Object.entries(written).flatMap(([name, each]) => attempt(() => read({ [name]: each })) ?? []),
  };
}
