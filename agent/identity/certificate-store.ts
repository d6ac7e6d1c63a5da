// Death certificates on disk, one small file a daemon, so that the morning knows of the night.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../core/certificate.ts';
import { attempt, causeOf, codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { readDraft, replaceFileAside } from '../native/replace.ts';

export interface CertificateStore {
  /** Newest first; `told` unless the newest has not become an event yet. */
  load(daemon: string): { readonly certificates: Certificate[]; readonly told: boolean };
  /** They outlive the agent at once, and a power cut when the disk has taken them; nobody waits for it. */
  save(daemon: string, certificates: readonly Certificate[], told: boolean): void;
  /** Resolves when the disk has all of them. */
  flush(): Promise<void>;
}

const VERSION = 1;
/** Daemons whose certificates are kept, the oldest given up. */
const MAX_FILES = 500;

/** Below `agent.state_dir`. */
export const certificatesDirectory = (stateDir: string): string => join(stateDir, 'certificates');

export function createCertificateStore(directory: string, log: Pick<Log, 'warn'>): CertificateStore {
  const pathOf = (daemon: string) => join(directory, `${encodeURIComponent(daemon)}.json`);
  /** What stands for the next write, by path: of one that waits only the latest. */
  const next = new Map<string, string>();
  const writing = new Map<string, Promise<void> | undefined>();
  let warned = false;

  /** The draft is there when it returns. */
  const write = async (path: string) => {
    for (let text = next.get(path); text !== undefined; text = next.get(path)) {
      next.delete(path);
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        prune(directory);
        await replaceFileAside(path, text);
        warned = false;
      } catch (error) {
        if (!warned)
          log.warn(`cannot write certificate "${path}": ${causeOf(error)}; it is lost when the agent ends`);
        warned = true;
      }
    }
    writing.delete(path);
  };

  return {
    load(daemon) {
      const path = pathOf(daemon);
      try {
        const waiting = next.get(path);
        return waiting === undefined ? readCertificates(path) : parseCertificates(waiting);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT')
          log.warn(`cannot read certificates "${path}": ${causeOf(error)}; they are left out`);
        return { certificates: [], told: true };
      }
    },
    save(daemon, certificates, told) {
      const path = pathOf(daemon);
      next.set(path, JSON.stringify({ version: VERSION, told, certificates }));
      if (writing.has(path)) return;
      writing.set(path, undefined);
      const written = write(path);
      if (writing.has(path)) writing.set(path, written);
    },
    async flush() {
      await Promise.all(writing.values());
    },
  };
}

type Kept = ReturnType<CertificateStore['load']>;

/** Those that a killed agent was about to keep, where they are whole, else those it kept. Throws when they are none. */
function readCertificates(path: string): Kept {
  try {
    const draft = readDraft(path);
    if (draft !== undefined) return parseCertificates(draft);
  } catch {
    // Cut short.
  }
  return parseCertificates(readFileSync(path, 'utf8'));
}

/** Throws when they are none, or of another version. */
function parseCertificates(text: string): Kept {
  const { version, told, certificates } = JSON.parse(text);
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
  const files = readdirSync(directory).map(name => name.replace(/\.tmp$/, ''));
  return [...new Set(files)]
    .filter(name => name.endsWith('.json'))
    .flatMap(name => readCertificates(join(directory, name)).certificates)
    .sort((a, b) => b.at - a.at);
}

function prune(directory: string): void {
  const files = readdirSync(directory);
  if (files.length <= MAX_FILES) return;
  // A draft may just have taken its place.
  const aged = files
    .map(name => join(directory, name))
    .map(path => ({ path, at: attempt(() => statSync(path).mtimeMs) ?? 0 }));
  for (const { path } of aged.sort((a, b) => b.at - a.at).slice(MAX_FILES)) rmSync(path, { force: true });
}
