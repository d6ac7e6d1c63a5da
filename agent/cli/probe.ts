// `eudaemon probe`: one look at one daemon, in the Nagios plugin convention: one line with perfdata, exit 0 to 3.
// Source: Monitoring Plugins Development Guidelines.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createAttempt } from '../../collectors/health/probe/index.ts';
import { type Config, createPatterns } from '../config/index.ts';
import { systemClock } from '../core/clock.ts';
import type { CheckSpec, DaemonSpec } from '../core/daemon.ts';
import { causeOf } from '../core/errors.ts';
import { hasEnded, parseStat, type Stat } from '../core/procstat.ts';
import { didYouMean } from '../core/units.ts';
import { parseCondition } from '../identity/expect.ts';
import { createLookup } from '../identity/lookup.ts';
import { unseenProcesses } from '../identity/namespace.ts';
import { readConfig } from './config.ts';
import { createFinder } from './find.ts';
import type { Command } from './index.ts';

const LEVELS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
const [OK, WARNING, CRITICAL, UNKNOWN] = [0, 1, 2, 3];

export interface Verdict {
  readonly code: number;
  readonly line: string;
}

export const probe: Command = {
  summary: 'check a daemon once, as a Nagios plugin',
  usage: `eudaemon probe DAEMON [--config FILE]

  -c, --config FILE     the configuration; without it /etc/eudaemon/eudaemon.yaml, else the embedded default

Looks for its processes and runs its checks now; no agent needs to run. Prints one line with perfdata and exits
0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.`,
  async run(argv) {
    const { code, line } = await verdictOf(argv);
    process.stdout.write(`${line}\n`);
    return code;
  },
};

/** Whatever is wrong, the answer is a line: it is all that the scheduler of a plugin shows. */
async function verdictOf(argv: string[]): Promise<Verdict> {
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { config: { type: 'string', short: 'c' } },
    });
    const [name, ...more] = positionals;
    if (name === undefined || more.length > 0) throw new Error('give the name of one daemon');
    return await probeDaemon(await readConfig(values.config, process.env), name);
  } catch (error) {
    return unknown(causeOf(error));
  }
}

const unknown = (why: string): Verdict => ({ code: UNKNOWN, line: `UNKNOWN: ${clean(why)}` });

/** Only one line, and what follows a bar is perfdata. */
const clean = (text: string): string => text.replace(/[\r\n]+/g, '; ').replaceAll('|', '/');

interface Part {
  readonly code: number;
  readonly text: string;
  readonly perf?: string;
}

export async function probeDaemon(config: Config, name: string): Promise<Verdict> {
  const patterns = createPatterns();
  const daemons = config.agent.discover ? withDiscovered(config, patterns) : config.daemons;
  const daemon = daemons.find(each => each.name === name);
  if (!daemon) {
    const names = daemons.map(each => each.name);
    return unknown(`no daemon "${name}" is declared${didYouMean(name, names)}`);
  }
  const root = config.agent.host_root;
  const lookup = createLookup({ declared: daemons, root, patterns, ...systemClock });
  const processes = processesOf(root, daemon, stat => lookup.ofProcess(stat));
  const checks = await Promise.all(daemon.health.map(check => tryCheck(check, { root, patterns })));
  const parts = [...checks, processes];
  const worst = [CRITICAL, UNKNOWN, WARNING].find(code => parts.some(part => part.code === code)) ?? OK;
  const told = [processes, ...checks].map(({ text }) => text).join(', ');
  const perf = parts.flatMap(part => part.perf ?? []).join(' ');
  return { code: worst!, line: `${LEVELS[worst!]}: ${name} - ${clean(told)} | ${perf}` };
}

function withDiscovered(config: Config, patterns: ReturnType<typeof createPatterns>): readonly DaemonSpec[] {
  const finder = createFinder({ patterns, ...systemClock });
  const declared = new Set(config.daemons.map(({ name }) => name));
  const found = finder.find(config).daemons.filter(({ name }) => !declared.has(name));
  return [...config.daemons, ...finder.declare(found)];
}

type Lookup = ReturnType<typeof createLookup>['ofProcess'];

/**
 * All processes of the daemon are counted; expected are so many instances, which neither their parent nor the leader of their
 * session, one of its own, has started.
 */
function processesOf(root: string, { name, expect }: DaemonSpec, ofProcess: Lookup): Part {
  const own = new Map<number, Stat>();
  for (const pid of readdirSync(join(root, 'proc')).filter(each => /^\d+$/.test(each))) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(root, 'proc', pid, 'stat'));
    } catch {
      continue;
    }
    const stat = parseStat(bytes, bytes.length);
    if (stat && !hasEnded(stat) && ofProcess(stat) === name) own.set(stat.pid, stat);
  }
  const hidden = own.size === 0 ? unseenProcesses(root, process.env, process.pid) : undefined;
  if (hidden) return { code: UNKNOWN!, text: `no process is seen: ${hidden.what}`, perf: 'procs=0' };
  const isTop = ({ pid, ppid, session }: Stat) => !own.has(ppid) && (session === pid || !own.has(session));
  const tops = [...own.values()].filter(isTop);
  const instances = tops.length;
  const halted = instances > 0 && tops.every(({ state }) => 'Tt'.includes(state));
  const wanted = parseCondition(expect.instances ?? '>= 1');
  const met = instances > 0 && wanted.holds(instances);
  const count = own.size === 0 ? 'no process' : `${own.size} process${own.size === 1 ? '' : 'es'}`;
  if (halted) return { code: CRITICAL!, text: `${count}, stopped`, perf: `procs=${own.size}` };
  return {
    code: met ? OK! : CRITICAL!,
    text:
      met || instances === 0 ? count : `${count}, ${instances} instances where ${wanted.text} are expected`,
    perf: `procs=${own.size}`,
  };
}

async function tryCheck(check: CheckSpec, room: Parameters<typeof createAttempt>[1]): Promise<Part> {
  const began = performance.now();
  try {
    const { ok, plugin, message } = await createAttempt(check, room)(new AbortController().signal);
    const ms = performance.now() - began;
    // The daemon may listen elsewhere than its recipe presumes.
    if (!ok && check.presumed) return { code: OK!, text: `${check.name} not where its recipe presumes` };
    return {
      code: plugin ?? (ok ? OK! : CRITICAL!),
      text: `${check.name} ${message.replace(/^HTTP /, '')} in ${Math.round(ms)} ms`,
      perf: `${check.name}=${(ms / 1000).toFixed(3)}s;;;0`,
    };
  } catch (error) {
    return { code: UNKNOWN!, text: `${check.name} ${causeOf(error)}` };
  }
}
