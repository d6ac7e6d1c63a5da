// Where agent.user meets what it costs: the agent becomes that user, and tells once what it will not see any more.

import { logFiles } from './cli/environment.ts';
import type { Config } from './config/index.ts';
import { becomeUser, findAccount } from './control/user.ts';
import type { Log } from './core/log.ts';

/**
 * What makes the agent `agent.user`, once all is open. Throws SetupError when there is no such user. Without root the
 * agent stays who it is, and says so.
 */
export function prepareDrop({ agent, daemons }: Config, log: Log): () => void {
  const { user, state_dir, run_dir, host_root } = agent;
  const uid = process.getuid?.();
  if (user === undefined || uid === undefined) return () => {};
  const account = findAccount(user);
  if (account.uid === uid) return () => {};
  if (uid !== 0) {
    log.warn(
      `cannot become agent.user "${user}": only root can; the agent goes on as user ${uid}: start it as root, or remove agent.user`,
    );
    return () => {};
  }
  return () => {
    becomeUser(account, [state_dir, run_dir]);
    log.info(`became user ${account.name}`, { uid: account.uid, gid: account.gid });
    log.warn(
      'without root, executables, open files and I/O of processes of other users stay unseen (CAP_SYS_PTRACE), as do files that agent.user may not read (CAP_DAC_READ_SEARCH); let systemd give it these two capabilities, as config/systemd/eudaemon.service does',
    );
    for (const { name, health } of daemons)
      for (const check of health)
        if (check.as !== undefined && check.as !== account.name)
          log.warn(`cannot run check "${check.name}" of ${name} as "${check.as}": only root can`);
    for (const { what } of logFiles(host_root, { daemons, agent })) log.warn(what);
  };
}
