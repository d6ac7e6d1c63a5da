// A daemon that was found as it would be declared in the file. Pure.

import type { MatchSpec } from '../core/daemon.ts';
import type { Patterns } from '../core/pattern.ts';
import type { Discovered } from './discover.ts';
import { globOf } from './parse-fd.ts';
import { isInMemory, isNamedAfter, VERSION } from './program.ts';

/** What stands below a daemon's name in `daemons:`. */
export interface Declaration {
  readonly recipe?: string;
  readonly match?: MatchSpec;
  readonly logs?: { readonly identifiers?: readonly string[]; readonly files?: readonly string[] };
}

export interface KnownRecipe {
  readonly name: string;
  readonly match: MatchSpec;
  /** Globs of its log files. */
  readonly files: readonly string[];
}

/** They write the logs of others, which do not become their own by it. */
const SYSLOG = /^(rsyslogd|syslogd|syslog-ng|systemd-journal|busybox)$/;

/**
 * By name, in an order in which each is claimed by its own match: units first, then programs, and last supervisors,
 * whose units hold those programs as well. What has nothing to be recognised by is left out.
 */
export function declare(
  found: readonly Discovered[],
  recipes: readonly KnownRecipe[],
  patterns: Patterns,
): Record<string, Declaration> {
  /** What two log under tells neither. */
  const isTelling = (tag: string) => found.filter(({ program }) => program === tag).length === 1;
  const rank = ({ supervisor, unit }: Discovered) => (supervisor ? 2 : unit === undefined ? 1 : 0);
  return Object.fromEntries(
    found
      .toSorted((a, b) => rank(a) - rank(b))
      .flatMap(each => {
        const recipe = recipes.find(({ name }) => name === each.recipe);
        const match = matchOf(each, recipe);
        if (!match && !recipe) return [];
        const logs = logsOf(each, recipe, patterns, isTelling);
        return [
          [
            each.name,
            { ...(recipe && { recipe: recipe.name }), ...(match && { match }), ...(logs && { logs }) },
          ],
        ];
      }),
  );
}

/** Undefined when the recipe says it, or when there is nothing to say. */
function matchOf(found: Discovered, recipe: KnownRecipe | undefined): MatchSpec | undefined {
  const { unit, exe, comm, program: called, script } = found;
  if (unit !== undefined) return { systemd_unit: unit };
  if (recipe) return undefined;
  if (exe === undefined && comm !== undefined && isInMemory(comm))
    return called === undefined ? undefined : { cmdline: `^(\\S*/)?${literal(called)}( |$)` };
  const program = exe === undefined ? comm !== undefined && { comm } : { exe };
  if (script !== undefined)
    return { ...program, cmdline: ` ${script.split(VERSION).map(literal).join('[^/ ]*')}( |$)` };
  if (!program) return undefined;
  return exe === undefined || comm === undefined || isNamedAfter(comm, exe) ? program : { exe, comm };
}

function logsOf(
  { name, comm, program, logs }: Discovered,
  recipe: KnownRecipe | undefined,
  patterns: Patterns,
  isTelling: (tag: string) => boolean,
): Declaration['logs'] {
  const covered = patterns.glob(recipe?.files ?? []);
  const extra = SYSLOG.test(comm ?? '') ? [] : logs.filter(path => !covered(path)).map(globOf);
  const files = extra.length > 0 ? [...(recipe?.files ?? []), ...new Set(extra)] : undefined;
  const isCalled = !recipe && program !== undefined && program !== name && isTelling(program);
  const identifiers = isCalled ? [name, program] : undefined;
  return files || identifiers ? { ...(identifiers && { identifiers }), ...(files && { files }) } : undefined;
}

/** A regular expression for this text, in RE2 syntax. */
const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
