// The lookup of a running agent: the daemons change with the configuration, whoever asks keeps asking the same object.

import type { ChangingLookup, DaemonSpec } from '../core/daemon.ts';
import { createLookup, type LookupRoom } from './lookup.ts';

/** As `createLookup`; what it warns of is told once, whatever is declared later. */
export function createChangingLookup(room: LookupRoom): ChangingLookup {
  const told = new Set<string>();
  const warn = (message: string) => {
    const kind = message.replace(/"[^"]*"/, '');
    if (told.has(kind)) return;
    told.add(kind);
    room.log?.warn(message);
  };
  const log = room.log && { ...room.log, warn };
  const ask = (declared: readonly DaemonSpec[]) => createLookup({ ...room, declared, ...(log && { log }) });
  let key = JSON.stringify(room.declared);
  let lookup = ask(room.declared);

  return {
    get declared() {
      return lookup.declared;
    },
    declare(declared) {
      const next = JSON.stringify(declared);
      if (next === key) return;
      key = next;
      lookup = ask(declared);
    },
    ofProcess: process => lookup.ofProcess(process),
    ofPid: pid => lookup.ofPid(pid),
    ofIdentifier: tag => lookup.ofIdentifier(tag),
    ofFile: path => lookup.ofFile(path),
  };
}
