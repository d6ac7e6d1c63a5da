// Which configuration a command works with: --config, else /etc/eudaemon/eudaemon.yaml, else the embedded default.

import { existsSync } from 'node:fs';
import { collectors } from '../../collectors/index.ts';
import { exporters } from '../../exporters/index.ts';
import { type Config, loadAgent, loadConfig } from '../config/index.ts';

const SYSTEM_FILE = '/etc/eudaemon/eudaemon.yaml';

/** Undefined: the embedded default. */
export const configFile = (given: string | undefined): string | undefined =>
  given ?? (existsSync(SYSTEM_FILE) ? SYSTEM_FILE : undefined);

/** Every collector and exporter there is. */
export const tables = { collectors, exporters };

/** Of the agent that runs, or ran, with it; throws ConfigError only where that cannot be told. */
export const readAgent = (
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Config['agent'] => loadAgent({ file: configFile(given), env });

/** Throws ConfigError with everything that is wrong, or why the file cannot be read; `serves` as for `loadConfig()`. */
export const readConfig = (
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  serves = false,
): Promise<Config> => loadConfig({ file: configFile(given), env, serves, ...tables });
