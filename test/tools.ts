// Programs of the machine that tests talk to. What is missing is said once, and its tests are not registered.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const DIRECTORIES = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];

/** The absolute path of a program, or undefined. */
export function find(program: string): string | undefined {
  return DIRECTORIES.map(directory => join(directory, program)).find(path => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Whether tests can run that need these programs (`root` stands for the user): `if (have('nginx', 'root')) it(…)`.
 * Prints what is missing.
 */
export function have(...needs: string[]): boolean {
  const missing = needs.filter(need =>
    need === 'root' ? process.getuid?.() !== 0 : find(need) === undefined,
  );
  if (missing.length > 0)
    console.warn(`not run without ${missing.join(', ')}: tests that need ${needs.join(', ')}`);
  return missing.length === 0;
}
