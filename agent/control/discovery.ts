// The daemons found on this host, beside those the file declares. One that was seen stays declared, so that its death
// is a 0 and not a missing series.

import type { DaemonSpec } from '../core/daemon.ts';
import { causeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Actor } from './group.ts';

interface DiscoveringConfig {
  readonly agent: { readonly discover: boolean };
  readonly daemons: readonly DaemonSpec[];
}

interface Found {
  readonly name: string;
  readonly pids: readonly number[];
  readonly logs: readonly string[];
  readonly ageMs: number;
}

/** Declarations by name. */
type Written = Readonly<Record<string, unknown>>;

export interface Discovery<C> {
  /** Looks at the host again. The configuration with the daemons known by now, or as it is when it discovers none. */
  extend(config: C): C;
  /** All that were found, as they would be written. */
  found(): Written;
}

/** What is younger, and was not there when the agent began, may be a job that ends by itself. */
const MIN_AGE_MS = 30_000;
const MAX_DAEMONS = 100;

/** `find` looks for daemons other than the declared; `declare` makes specs of them, in the order they must have. */
export function createDiscovery<C extends DiscoveringConfig, F extends Found>(room: {
  find: (config: C, known: readonly F[]) => { readonly daemons: readonly F[]; readonly unseen: number };
  declare: (found: readonly F[]) => DaemonSpec[];
  write: (found: readonly F[]) => Written;
  /** Those that were found by the agent before, and have ended since. */
  formerly: Written;
  restore: (written: Written) => DaemonSpec[];
  log: Log;
}): Discovery<C> {
  const { log } = room;
  const known = new Map<string, F>();
  const formerly = room.restore(room.formerly);
  let first = true;
  let toldFull = false;
  let toldUnseen = false;

  const remember = (found: F) => {
    const before = known.get(found.name);
    if (before) {
      // A log file is opened when there is something to write.
      const logs = [...new Set([...before.logs, ...found.logs])].slice(0, Math.max(before.logs.length, 20));
      // Who has ended comes again as what it is by then: the file of another release, run by the next interpreter.
      const goesOn = before.pids.some(pid => found.pids.includes(pid));
      known.set(found.name, { ...(goesOn ? before : found), pids: found.pids, logs });
      return;
    }
    if (!first && found.ageMs < MIN_AGE_MS) return;
    if (known.size < MAX_DAEMONS) {
      known.set(found.name, found);
      log.info(`found daemon ${found.name}`);
    } else if (!toldFull) {
      toldFull = true;
      log.warn(
        `cannot watch daemon "${found.name}": ${MAX_DAEMONS} others were found before; declare those that matter`,
      );
    }
  };

  return {
    extend(config) {
      if (!config.agent.discover) return config;
      const { daemons, unseen } = room.find(config, [...known.values()]);
      const declared = new Set(config.daemons.map(({ name }) => name));
      for (const found of daemons) if (!declared.has(found.name)) remember(found);
      first = false;
      if (unseen > 0 && !toldUnseen) {
        toldUnseen = true;
        log.warn(
          `cannot see open files of ${unseen} processes: permission denied; log files that only they tell stay unread: give the agent CAP_SYS_PTRACE`,
        );
      }
      const added = room.declare([...known.values()].filter(({ name }) => !declared.has(name)));
      const gone = formerly.filter(({ name }) => !declared.has(name) && !known.has(name));
      return { ...config, daemons: [...config.daemons, ...added, ...gone] };
    },
    found: () => room.write([...known.values()]),
  };
}

const AGAIN_MS = 60_000;

/** Looks every minute; `again` makes what is new take effect. */
export function discovering(again: () => Promise<void>, log: Log): Actor {
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  const look = () => {
    looking = again().catch(error => log.error(`cannot watch the daemons found: ${causeOf(error)}`));
  };
  return {
    name: 'discovery',
    async start() {
      timer = setInterval(look, AGAIN_MS);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
