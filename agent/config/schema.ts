// The JSON Schema of eudaemon.yaml, for editors. Made from the schemas that validate, so it cannot say otherwise.

import type { JsonSchema } from '../core/options.ts';
import { createRecipes } from './recipes.ts';
import { file, type Tables } from './sections.ts';

/** JSON Schema, draft 2020-12. */
export function jsonSchema(tables: Tables): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'eudaemon.yaml',
    ...file(tables, createRecipes()).json,
  };
}
