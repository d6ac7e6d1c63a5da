// argv → command → exit code. Exit codes: 0 clean, 1 runtime failure, 2 usage, 78 bad configuration.

import { dispatch } from './cli/index.ts';
import { ConfigError, SetupError, UsageError } from './core/errors.ts';

try {
  process.exitCode = await dispatch(process.argv.slice(2));
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 78;
  } else if (error instanceof UsageError) {
    process.stderr.write(
      `eudaemon: ${error.message}\nTry 'eudaemon help${error.command ? ` ${error.command}` : ''}'.\n`,
    );
    process.exitCode = 2;
  } else if (error instanceof SetupError) {
    process.stderr.write(`eudaemon: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(`eudaemon: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
