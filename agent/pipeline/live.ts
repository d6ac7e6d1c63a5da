// A lookup that goes on: what holds it asks the daemons of now, however often they are declared anew. Pure.

import type { DaemonLookup } from '../core/daemon.ts';

export interface Live {
  readonly lookup: DaemonLookup;
  become(next: DaemonLookup): void;
}

export function createLive(): Live {
  let now: DaemonLookup = {
    declared: [],
    ofProcess: () => undefined,
    ofPid: () => undefined,
    ofIdentifier: () => undefined,
    ofFile: () => undefined,
  };
  return {
    lookup: {
      get declared() {
        return now.declared;
      },
      ofProcess: process => now.ofProcess(process),
      ofPid: pid => now.ofPid(pid),
      ofIdentifier: tag => now.ofIdentifier(tag),
      ofFile: path => now.ofFile(path),
    },
    become(next) {
      now = next;
    },
  };
}
