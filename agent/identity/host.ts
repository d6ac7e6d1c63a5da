// Who this host is: the resource attributes every record and figure carries.

import { readFileSync } from 'node:fs';
import { arch, hostname } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../core/errors.ts';

const read = (path: string): string | undefined =>
  attempt(() => readFileSync(path, 'utf8').trim()) || undefined;

/** Where the kernel puts cores: core(5). */
export const readCorePattern = (root: string): string | undefined =>
  read(join(root, 'proc/sys/kernel/core_pattern'));

/**
 * host.name, host.id (machine-id(5)), host.arch, os.type and, in a DaemonSet, k8s.node.name. With a `root` other than
 * `/` the name is the node's, not the pod's. What OTEL_RESOURCE_ATTRIBUTES says wins, but for `service.*`: that is the
 * agent itself, and every record has a service of its own.
 */
export function identifyHost(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
): [string, string][] {
  const name =
    root === '/' ? hostname() : (read(join(root, 'etc/hostname')) ?? env['K8S_NODE_NAME'] ?? hostname());
  const id = read(join(root, 'etc/machine-id')) ?? read(join(root, 'var/lib/dbus/machine-id'));
  const attributes = new Map([['host.name', name]]);
  if (id) attributes.set('host.id', id);
  attributes.set('host.arch', arch() === 'x64' ? 'amd64' : arch()).set('os.type', process.platform);
  if (env['K8S_NODE_NAME']) attributes.set('k8s.node.name', env['K8S_NODE_NAME']);
  for (const [key, value] of resourceAttributes(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''))
    if (!key.startsWith('service.')) attributes.set(key, value);
  return [...attributes];
}

/** `a=1,b=2` with percent-encoded values; one that makes no sense discards all, as the specification asks. */
export function resourceAttributes(text: string): [string, string][] {
  try {
    return text
      .split(',')
      .filter(pair => pair.trim() !== '')
      .map(pair => {
        const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair)!;
        return [key!, decodeURIComponent(value!)];
      });
  } catch {
    return [];
  }
}
