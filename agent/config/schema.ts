// The JSON Schema of eudaemon.yaml, for editors. Made from the schemas that validate, so it cannot say otherwise.

import type { JsonSchema } from '../core/options.ts';
import { createRecipes } from './recipes.ts';
import { file, type Tables } from './sections.ts';

/** JSON Schema, draft 2020-12. */
export function jsonSchema(tables: Tables): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'eudaemon.yaml',
    ...asWritten(file(tables, createRecipes()).json),
    $defs: { expansion: { type: 'string', pattern: '\\$\\{.+\\}' } },
  };
}

const SCALARS: readonly unknown[] = ['string', 'number', 'integer', 'boolean', 'null'];

/** An editor sees the file before its expansions: wherever a scalar may stand, one of them may stand for it. */
function asWritten(schema: JsonSchema): JsonSchema {
  const { description, ...rest } = schema;
  if (schema['type'] === 'string' && schema['pattern'] === undefined)
    return { ...schema, type: ['string', 'number', 'boolean'] };
  if (schema['enum'] || (schema['type'] && [schema['type']].flat().every(each => SCALARS.includes(each))))
    return { anyOf: [rest, { $ref: '#/$defs/expansion' }], ...(description ? { description } : {}) };
  const result: Record<string, unknown> = { ...schema };
  for (const word of ['items', 'additionalProperties'])
    if (typeof schema[word] === 'object') result[word] = asWritten(schema[word] as JsonSchema);
  if (schema['anyOf']) result['anyOf'] = (schema['anyOf'] as JsonSchema[]).map(asWritten);
  if (schema['properties'])
    result['properties'] = Object.fromEntries(
      Object.entries(schema['properties']).map(([name, each]) => [name, asWritten(each as JsonSchema)]),
    );
  return result;
}
