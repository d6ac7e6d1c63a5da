// The table of commands, and the way from argv to one of them.

import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/units.ts';

export interface Command {
  readonly summary: string;
  /** Shown by `help COMMAND`. */
  readonly usage: string;
  /** Resolves with the exit code. */
  run(argv: string[]): Promise<number>;
}

/** Loaded one at a time: `eudaemon logs` does not pay for the agent. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).run,
  check: async () => (await import('./check.ts')).check,
  status: async () => (await import('./status.ts')).status,
  start: async () => (await import('./service.ts')).start,
  stop: async () => (await import('./service.ts')).stop,
  restart: async () => (await import('./service.ts')).restart,
  reload: async () => (await import('./service.ts')).reload,
  why: async () => (await import('./why.ts')).why,
  logs: async () => (await import('./logs.ts')).logs,
  top: async () => (await import('./top.ts')).top,
  probe: async () => (await import('./probe.ts')).probe,
  discover: async () => (await import('./discover.ts')).discover,
  'expect-down': async () => (await import('./down.ts')).expectDown,
  'expect-up': async () => (await import('./down.ts')).expectUp,
  'test-alert': async () => (await import('./test-alert.ts')).testAlert,
  rules: async () => (await import('./rules.ts')).rules,
  dashboard: async () => (await import('./dashboard.ts')).dashboard,
  install: async () => (await import('./install.ts')).install,
  uninstall: async () => (await import('./install.ts')).uninstall,
  version: async () => (await import('./version.ts')).version,
  help: async () => (await import('./help.ts')).help,
};

export function unknownCommand(name: string): UsageError {
  return new UsageError(`unknown command "${name}"${didYouMean(name, Object.keys(commands))}`);
}

/** `eudaemon` alone, or with nothing but flags, is `eudaemon run`. */
export async function dispatch(argv: readonly string[]): Promise<number> {
  const [first = 'run', ...rest] = argv;
  if (first === '--version' || first === '-V') return (await commands['version']!()).run([]);
  if (first === '--help' || first === '-h') return (await commands['help']!()).run([]);
  const [name, args] = first.startsWith('-') ? ['run', [...argv]] : [first, rest];
  if (!Object.hasOwn(commands, name)) throw unknownCommand(name);
  if (args.includes('--help') || args.includes('-h')) return (await commands['help']!()).run([name]);
  try {
    return await (await commands[name]!()).run(args);
  } catch (error) {
    if (error instanceof UsageError && name !== 'help') error.command = name;
    throw error;
  }
}
