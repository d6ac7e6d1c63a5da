// Death certificates on disk, one small file a daemon, so that the morning knows of the night.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../core/certificate.ts';
import { causeOf, codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { replaceFile } from '../native/replace.ts';

export interface CertificateStore {
  /** Newest first; `told` unless the newest has not become an event yet. */
  load(daemon: string): { readonly certificates: Certificate[]; readonly told: boolean };
  save(daemon: string, certificates: readonly Certificate[], told: boolean): void;
}

const VERSION = 1;
/** Daemons whose certificates are kept, the oldest given up. */
const MAX_FILES = 500;

/** Below `agent.state_dir`. */
export const certificatesDirectory = (stateDir: string): string => join(stateDir, 'certificates');

export function createCertificateStore(directory: string, log: Pick<Log, 'warn'>): CertificateStore {
  const pathOf = (daemon: string) => join(directory, `${encodeURIComponent(daemon)}.json`);
  let told = false;

  return {
    load(daemon) {
      try {
        return readCertificates(pathOf(daemon));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT')
          log.warn(`cannot read certificates "${pathOf(daemon)}": ${causeOf(error)}; they are left out`);
        return { certificates: [], told: true };
      }
    },
    save(daemon, certificates, isTold) {
      const path = pathOf(daemon);
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        prune(directory);
        replaceFile(path, JSON.stringify({ version: VERSION, told: isTold, certificates }));
        told = false;
      } catch (error) {
        if (!told)
          log.warn(`cannot write certificate "${path}": ${causeOf(error)}; it is lost when the agent ends`);
        told = true;
      }
    },
  };
}

/** Throws when it is none, or of another version. */
function readCertificates(path: string): { certificates: Certificate[]; told: boolean } {
  const { version, told, certificates } = JSON.parse(readFileSync(path, 'utf8'));
  if (version !== VERSION || !Array.isArray(certificates) || !certificates.every(isCertificate))
    throw new Error('it is damaged, or of another version');
  return { certificates, told: told === true };
}

const isCertificate = (value: Partial<Certificate> | null): boolean =>
  typeof value?.daemon === 'string' &&
  typeof value.pid === 'number' &&
  typeof value.at === 'number' &&
  typeof value.exit?.reason === 'string' &&
  Array.isArray(value.samples?.at) &&
  [value.logs, value.checks, value.alsoDied].every(Array.isArray);

/** Those of all daemons, newest first; without an agent. */
export function readAll(directory: string): Certificate[] {
  const files = readdirSync(directory).filter(name => name.endsWith('.json'));
  return files
    .flatMap(name => readCertificates(join(directory, name)).certificates)
    .sort((a, b) => b.at - a.at);
}

function prune(directory: string): void {
  const files = readdirSync(directory);
  if (files.length <= MAX_FILES) return;
  const aged = files.map(name => ({
    path: join(directory, name),
    at: statSync(join(directory, name)).mtimeMs,
  }));
  for (const { path } of aged.sort((a, b) => b.at - a.at).slice(MAX_FILES)) rmSync(path, { force: true });
}
