// The real agent as one of the programs under measurement.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Program, ROOT, start, until } from './process.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  await new Promise(closed => server.close(closed));
  return port;
}

export interface Agent extends Program {
  /** Of the HTTP listener. */
  readonly url: string;
}

/** Starts the agent in directory `dir`; `config` without directories and listener. Resolves when it is ready. */
export async function startAgent(
  dir: string,
  config: { collectors?: object; exporters?: object; [section: string]: unknown },
): Promise<Agent> {
  const [state, run, file] = [join(dir, 'state'), join(dir, 'run'), join(dir, 'eudaemon.yaml')];
  const listen = `127.0.0.1:${await freePort()}`;
  mkdirSync(run, { recursive: true });
  const whole = {
    ...config,
    agent: { state_dir: state, run_dir: run, log_level: 'warn' },
    exporters: { prometheus: { listen }, ...config.exporters },
  };
  writeFileSync(file, stringify(whole));
  const program = start(join(ROOT, 'bin/eudaemon'), ['run', '--config', file]);
  const url = `http://${listen}`;
  let said = '';
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    said = (await answer?.text()) ?? 'no answer';
    return answer?.ok === true;
  };
  await until('the agent is ready', ready, 60).catch(cause => {
    throw new Error(`the agent is not ready: ${said}`, { cause });
  });
  return { ...program, url };
}
