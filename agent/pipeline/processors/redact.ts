// Step `redact`: secrets go out of the body, out of every attribute and name of one, and out of the resource a sender
// chose. Where the body is no UTF-8 and holds a secret, its repaired text takes its place, so that no original is kept.

import type { RedactSpec } from '../../core/processor.ts';
import { Attributes, Kind, type LogRecord, type Origin, utf8 } from '../../core/record.ts';
import { createValueRedactor } from './redact-value.ts';
import { type Find, findersOf, secretName } from './secrets.ts';
import type { Step, StepRoom } from './step.ts';
import { replace, textOf, valueText } from './text.ts';

/** What is known of an attribute's name. */
interface Name {
  /** Its whole value goes. */
  readonly secret: boolean;
  /** The name without what is secret in it. */
  readonly clean: Uint8Array;
}

export function createRedact(spec: RedactSpec, room: StepRoom): Step {
  const { body, unpacker, origins } = room;
  const builtin = findersOf(spec.builtin, room.patterns);
  const own = spec.patterns.map((pattern): Find => room.patterns.regex(pattern).spans);
  const named = new Set(spec.attributes);
  const byName = secretName(spec.builtin);
  const replacement = utf8(spec.with);

  /** The text without secrets; undefined when it has none. */
  const redact = (text: string): string | undefined => {
    let clean = text;
    if (builtin.hints(text))
      for (const find of builtin.finders) clean = without(clean, find(clean), spec.with);
    for (const find of own) clean = without(clean, find(clean), spec.with);
    return clean === text ? undefined : clean;
  };
  const isSecret = (name: string): boolean => named.has(name) || byName(name);

  const names = new WeakMap<Uint8Array, Name>();
  const nameOf = (key: Uint8Array): Name => {
    let name = names.get(key);
    if (name === undefined) {
      const text = textOf(key, 0, key.length);
      const clean = redact(text);
      name = { secret: isSecret(text), clean: clean === undefined ? key : utf8(clean) };
      names.set(key, name);
    }
    return name;
  };

  const values = createValueRedactor({ redact, isSecret, replacement: spec.with });

  /** Cleans attribute `i`, which is not `Fields`; returns whether there was something. */
  const cleanOne = (a: Attributes, i: number): boolean => {
    const { secret, clean } = nameOf(a.keys[i]!);
    const renamed = clean !== a.keys[i];
    a.keys[i] = clean;
    if (secret) {
      setText(a, i, replacement);
      return true;
    }
    if (a.kinds[i] === Kind.Value) {
      const value = values(a.bytes[i]!, a.starts[i]!, a.ends[i]!);
      if (value !== undefined) {
        a.bytes[i] = value;
        a.starts[i] = 0;
        a.ends[i] = value.length;
      }
      return renamed || value !== undefined;
    }
    if (a.kinds[i] === Kind.Bool) return renamed;
    const text = redact(valueText(a, i)!);
    if (text !== undefined) setText(a, i, utf8(text));
    return renamed || text !== undefined;
  };

  /** Of fields that never change, what they are without secrets; undefined when they have none. */
  const constants = new WeakMap<Uint8Array, { readonly clean: Attributes | undefined }>();
  const cleanConstant = (a: Attributes, i: number) => {
    let known = constants.get(a.bytes[i]!);
    if (known === undefined) {
      const parts = new Attributes();
      parts.take(a, i);
      unpacker.unpack(parts);
      let changed = false;
      for (let k = 0; k < parts.size; k++) changed = cleanOne(parts, k) || changed;
      known = { clean: changed ? parts : undefined };
      constants.set(a.bytes[i]!, known);
    }
    if (known.clean !== undefined) replace(a, i, known.clean);
  };

  const cleanAttributes = (a: Attributes) => {
    const { size } = a;
    for (let i = 0; i < size; i++) {
      if (a.isConstant(i)) cleanConstant(a, i);
      else if (a.kinds[i] !== Kind.Fields) cleanOne(a, i);
    }
    // What is left of fields may change under us: it is taken apart each time.
    for (let i = 0; i < size; i++) {
      if (a.kinds[i] !== Kind.Fields || a.isConstant(i)) continue;
      const parts = unpacker.parts(a, i);
      for (let k = 0; k < parts.size; k++) cleanOne(parts, k);
      if (parts.size > 0) replace(a, i, parts);
    }
  };

  const cleanBody = (record: LogRecord) => {
    const text = redact(body.of(record));
    if (text === undefined) return;
    record.buf = utf8(text);
    record.bodyStart = 0;
    record.bodyEnd = record.buf.length;
  };

  const known = new WeakMap<Origin, Origin>();
  /** A tag or host name is the sender's word; the name of a daemon is not. */
  const originOf = (origin: Origin): Origin => {
    let clean = known.get(origin);
    if (clean === undefined) {
      const say = (text: string) => redact(text) ?? text;
      clean =
        origin.daemon === undefined
          ? origins.of(
              say(origin.service),
              undefined,
              origin.host && say(origin.host),
              origin.attributes.map(([key, value]) => [key, say(value)]),
            )
          : origin;
      known.set(origin, clean);
    }
    return clean;
  };

  return {
    run(record) {
      record.origin = originOf(record.origin);
      cleanBody(record);
      cleanAttributes(record.attributes);
      return '';
    },
  };
}

function setText(a: Attributes, i: number, text: Uint8Array): void {
  a.kinds[i] = Kind.Text;
  a.bytes[i] = text;
  a.starts[i] = 0;
  a.ends[i] = text.length;
}

/** The text with `replacement` for what lies between start, end, start, end, … */
function without(text: string, spans: readonly number[], replacement: string): string {
  if (spans.length === 0) return text;
  let clean = '';
  let at = 0;
  for (let i = 0; i < spans.length; i += 2) {
    clean += text.slice(at, spans[i]) + replacement;
    at = spans[i + 1]!;
  }
  return clean + text.slice(at);
}
