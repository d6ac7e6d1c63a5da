// Secrets in files: headers and certificates, read again when their files change, as tokens and certificates do while
// the agent runs. A change that cannot be read keeps what was read before.

import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { causeOf, SetupError } from '../../agent/core/errors.ts';
import { HEADER_VALUE } from '../../agent/core/http-options.ts';
import type { HeaderFile, Settings } from './settings.ts';

export interface TlsFiles {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly rejectUnauthorized: boolean;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsFiles;
  /** Reads what has changed, or all of it; what is wrong then goes to `warn`. */
  refresh(all?: boolean): { readonly headers: boolean; readonly tls: boolean };
}

/** Throws SetupError for a file that cannot be read. */
export function openCredentials(settings: Settings, warn: (message: string) => void): Credentials {
  const headers = watched(
    settings.headerFiles.map(file => file.path),
    () => ({ ...settings.headers, ...Object.fromEntries(settings.headerFiles.map(readHeader)) }),
    warn,
  );
  const tls = watched(
    [settings.caFile, settings.certFile, settings.keyFile].filter(path => path !== undefined),
    () => readTls(settings),
    warn,
  );
  return {
    get headers() {
      return headers.value;
    },
    get tls() {
      return tls.value;
    },
    refresh: (all = false) => ({ headers: headers.refresh(all), tls: tls.refresh(all) }),
  };
}

/** What files hold; `refresh` tells whether that is something else now. */
function watched<T>(paths: readonly string[], read: () => T, warn: (message: string) => void) {
  const look = () => paths.map(signature).join();
  let seen = look();
  let value = read();
  let held = fingerprint(value);
  return {
    get value() {
      return value;
    },
    refresh(all: boolean): boolean {
      const now = paths.length > 0 ? look() : seen;
      if (now === seen && !all) return false;
      try {
        const next = read();
        seen = now;
        const differs = fingerprint(next) !== held;
        if (differs) [value, held] = [next, fingerprint(next)];
        return differs;
      } catch (error) {
        // Half a change, such as a certificate whose key is still to come, is looked at again.
        warn(`${causeOf(error)}; what was read before stays in use`);
        return false;
      }
    },
  };
}

const fingerprint = (value: unknown): string => JSON.stringify(value);

function signature(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}/${size}/${mtimeMs}`;
  } catch {
    return 'none';
  }
}

function readHeader({ name, path, scheme }: HeaderFile): [string, string] {
  const text = readFile(`value of header "${name}"`, path).toString('latin1').trim();
  if (text === '' || !HEADER_VALUE.test(text))
    throw new SetupError(`cannot read value of header "${name}" "${path}": not one line of text`);
  return [name, scheme === undefined ? text : `${scheme} ${text}`];
}

function readTls(settings: Settings): TlsFiles {
  const read = (what: string, path: string | undefined) =>
    path === undefined ? undefined : readFile(what, path);
  const files = {
    ca: read('CA certificate', settings.caFile),
    cert: read('client certificate', settings.certFile),
    key: read('client key', settings.keyFile),
    rejectUnauthorized: settings.verify,
  };
  try {
    createSecureContext(files);
  } catch (error) {
    const paths = [settings.caFile, settings.certFile, settings.keyFile].filter(path => path !== undefined);
    throw new SetupError(`cannot use certificates "${paths.join('", "')}": ${causeOf(error)}`, {
      cause: error,
    });
  }
  return files;
}

function readFile(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new SetupError(`cannot read ${what} "${path}": ${causeOf(error)}`, { cause: error });
  }
}
