// The least that delivers lines by OTLP (relay.c), compiled where it is wanted.

import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { start } from './process.ts';
import { intoSink, type Receiver } from './receiver.ts';

type Relay = (path: string, dir: string) => Promise<Receiver>;

/** By name, where there is a compiler: it takes datagrams of a socket, or follows the lines of a file. */
export function relay(source: 'socket' | 'file'): Record<string, Relay> {
  if (spawnSync('cc', ['--version']).status !== 0) return {};
  return {
    relay: (path, dir) => {
      const program = join(dir, 'relay');
      execFileSync('cc', ['-O2', '-pthread', '-o', program, join(import.meta.dirname, 'relay.c')]);
      return intoSink(port => start(program, [source, path, port]));
    },
  };
}
