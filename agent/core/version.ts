// The version of the agent, as `eudaemon version`, the OTLP scope and build_info tell it; package.json has the same.
export const VERSION = '0.1.0';
/** What the kernel calls the agent's process, and so `ps` and `pgrep`. */
export const PROGRAM = 'eudaemon';
