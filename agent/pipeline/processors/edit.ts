// Steps that change attributes by name: add, rename, remove.

import type { ProcessorSpec } from '../../core/processor.ts';
import { Attributes, utf8 } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';

/** Sets attributes; one of the same name is replaced. */
export function createAdd(spec: NonNullable<ProcessorSpec['add']>, { unpacker }: StepRoom): Step {
  const added = new Attributes();
  for (const [key, value] of Object.entries(spec)) {
    if (typeof value === 'string') added.text(utf8(key), utf8(value));
    else if (typeof value === 'boolean') added.bool(utf8(key), value);
    else if (Number.isSafeInteger(value)) added.int(utf8(key), value);
    else added.double(utf8(key), value);
  }
  return {
    run({ attributes }) {
      unpacker.unpack(attributes);
      for (let i = 0; i < added.size; i++) {
        const at = attributes.find(added.keys[i]!);
        attributes.take(added, i, at < 0 ? attributes.size : at);
      }
      return '';
    },
  };
}

/** Gives attributes another name; one that has it already is replaced. */
export function createRename(spec: NonNullable<ProcessorSpec['rename']>, { unpacker }: StepRoom): Step {
  const names = Object.entries(spec).map(([from, to]) => ({ from: utf8(from), to: utf8(to) }));
  return {
    run({ attributes }) {
      unpacker.unpack(attributes);
      for (const { from, to } of names) {
        const at = attributes.find(from);
        if (at < 0) continue;
        attributes.keys[at] = EMPTY;
        const taken = attributes.find(to);
        attributes.keys[at] = to;
        if (taken >= 0) attributes.delete(taken);
      }
      return '';
    },
  };
}

/** Takes attributes out: those named, and those that begin like a name that ends in `*`. */
export function createRemove(names: readonly string[], { unpacker }: StepRoom): Step {
  const beginnings = names.filter(name => name.endsWith('*')).map(name => utf8(name.slice(0, -1)));
  const whole = names.filter(name => !name.endsWith('*')).map(utf8);
  const goes = (key: Uint8Array): boolean => {
    for (const name of whole) if (name.length === key.length && beginsWith(key, name)) return true;
    for (const name of beginnings) if (beginsWith(key, name)) return true;
    return false;
  };
  return {
    run({ attributes }) {
      unpacker.unpack(attributes);
      for (let i = attributes.size - 1; i >= 0; i--) if (goes(attributes.keys[i]!)) attributes.delete(i);
      return '';
    },
  };
}

const EMPTY = new Uint8Array(0);

function beginsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  if (bytes.length < beginning.length) return false;
  for (let i = 0; i < beginning.length; i++) if (bytes[i] !== beginning[i]) return false;
  return true;
}
