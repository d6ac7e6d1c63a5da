// Which processes are daemons, and which processes belong to whom. Pure.

export interface Candidate {
  readonly pid: number;
  readonly ppid: number;
  readonly comm: string;
  /** Of its session. */
  readonly leader: boolean;
  /** Has a controlling terminal. */
  readonly terminal: boolean;
  readonly kernelThread: boolean;
  /** The system's service unit it runs in. */
  readonly unit: string | undefined;
  /** Runs below the manager of a user's session. */
  readonly ofUser: boolean;
  /** The recipe it fits. */
  readonly recipe: string | undefined;
  /** Interprets code that has no name. */
  readonly nameless: boolean;
  /** Spoken for: neither it nor what it starts is looked for. */
  readonly taken: boolean;
}

/** They start daemons and are none themselves; names in parentheses are systemd's own before it executes a unit. */
const INIT =
  /^(systemd|init|tini|dumb-init|docker-init|catatonit|runit|runsv|runsvdir|s6-.*|svscan|supervise|supervise-daemon|containerd-shim.*|conmon|\(.*\))$/;
/** Daemons whose children are daemons of their own. */
const SUPERVISOR = /^(supervisord$|PM2 v)/;
/** The script a container begins with. */
const SHELL = /^(ba|da|a|k|z)?sh$/;

const isInit = ({ pid, comm }: Candidate): boolean => INIT.test(comm) || (pid === 1 && SHELL.test(comm));
export const isSupervisor = ({ comm }: { readonly comm: string }): boolean => SUPERVISOR.test(comm);

type Owner = number | 'nobody' | 'taken';

/**
 * The top of the daemon that each process belongs to, by pid; processes of no daemon are missing. A daemon has no
 * terminal, and it is a service of systemd, fits a recipe, leads its session, or is a child of init or a supervisor;
 * a shell that runs code without a name is one only as a service. What a daemon starts belongs to it, unless that is a
 * daemon by a unit, a recipe or a supervisor of its own. Those that started the agent, pid `self`, are daemons only by a
 * unit or a recipe.
 */
export function census(
  processes: ReadonlyMap<number, Candidate>,
  self: number | undefined,
): Map<number, number> {
  const ownUnit = processes.get(self ?? 0)?.unit;
  const above = ancestors(processes, self);
  const owners = new Map<number, Owner>();

  const ownerOf = (pid: number): Owner => {
    const known = owners.get(pid);
    if (known !== undefined) return known;
    // Processes that name each other as parents cannot be, but a look at a moving host may show them.
    owners.set(pid, 'nobody');
    const process = processes.get(pid);
    const owner = process ? decide(process) : 'nobody';
    owners.set(pid, owner);
    return owner;
  };

  const decide = (process: Candidate): Owner => {
    const { pid, recipe } = process;
    const parent = processes.get(process.ppid);
    const owner = parent ? ownerOf(parent.pid) : 'nobody';
    if (owner === 'taken' || process.taken || pid === self) return 'taken';
    if (process.kernelThread || process.terminal || process.ofUser || isInit(process)) return 'nobody';
    const unit = unitOf(process);
    const supervised =
      parent !== undefined && (isInit(parent) || isSupervisor(parent) || (parent.pid === 1 && owner !== 1));
    if (typeof owner === 'number') {
      const top = processes.get(owner)!;
      const another =
        unit === undefined ? recipe !== undefined && recipe !== top.recipe : unit !== unitOf(top);
      if (!(another || supervised || (owner === 1 && process.leader))) return owner;
    }
    if (unit !== undefined || recipe !== undefined) return pid;
    return (process.leader || supervised) && !process.nameless && !above.has(pid) ? pid : 'nobody';
  };

  /** The unit the agent was started in says nothing about the others there. */
  const unitOf = ({ unit }: Candidate) => (unit === ownUnit ? undefined : unit);

  const tops = new Map<number, number>();
  for (const pid of processes.keys()) {
    const owner = ownerOf(pid);
    if (typeof owner === 'number') tops.set(pid, owner);
  }
  return tops;
}

function ancestors(processes: ReadonlyMap<number, Candidate>, self: number | undefined): Set<number> {
  const above = new Set<number>();
  let each = processes.get(self ?? 0);
  while (each && !above.has(each.ppid)) {
    above.add(each.ppid);
    each = processes.get(each.ppid);
  }
  return above;
}
