// What all records of a path say of it, encoded.

import { basename } from 'node:path';
import { encodeAttribute } from '../../agent/core/attribute.ts';

/** By number of a container's stream. */
const STREAMS = [undefined, 'stdout', 'stderr'];

/** As `Attributes.fields()` takes them; stream 0 is none. */
export function fieldsOf(path: string, stream: number): Uint8Array {
  const fields = [encodeAttribute('log.file.path', path), encodeAttribute('log.file.name', basename(path))];
  const name = STREAMS[stream];
  if (name !== undefined) fields.push(encodeAttribute('log.iostream', name));
  return new Uint8Array(Buffer.concat(fields));
}
