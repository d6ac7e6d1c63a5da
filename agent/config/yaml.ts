// YAML that is not a configuration: what the packaged data says, and what commands print.

import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { packaged } from './recipes.ts';

/** YAML 1.2 with `comment` above it. */
export const toYaml = (comment: string, value: unknown): string =>
  `${comment.replace(/^/gm, '# ')}\n${stringify(value, { lineWidth: 0 })}`;

/** A file of config/, which is as good as the code. */
export const readPackaged = (...path: string[]): unknown => parse(readFileSync(packaged(...path), 'utf8'));
