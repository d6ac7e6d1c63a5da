// argv → command → exit code. Exit codes: 0 clean, 1 runtime failure, 2 usage, 78 bad configuration.

import { dispatch } from './cli/index.ts';
import { ConfigError, causeOf, codeOf, SetupError, UsageError } from './core/errors.ts';

// A reader that has seen enough is no failure.
process.stdout.on('error', error => {
  if (codeOf(error) === 'EPIPE') return;
  process.stderr.write(`eudaemon: cannot write to stdout: ${causeOf(error)}\n`);
  process.exitCode ||= 1;
});
process.stderr.on('error', () => {});

try {
  const code = await dispatch(process.argv.slice(2));
  process.exitCode ||= code;
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
