// Who this host is: the resource attributes every record and figure carries.

import { readFileSync } from 'node:fs';
import { arch, hostname } from 'node:os';
import { join } from 'node:path';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
};

/**
 * host.name, host.id (machine-id(5)), host.arch, os.type and, in a DaemonSet, k8s.node.name. With a `root` other than
 * `/` the name is the node's, not the pod's.
 */
export function identifyHost(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
): [string, string][] {
  const name =
    root === '/' ? hostname() : (read(join(root, 'etc/hostname')) ?? env['K8S_NODE_NAME'] ?? hostname());
  const id = read(join(root, 'etc/machine-id')) ?? read(join(root, 'var/lib/dbus/machine-id'));
  const attributes: [string, string][] = [['host.name', name]];
  if (id) attributes.push(['host.id', id]);
  attributes.push(['host.arch', arch() === 'x64' ? 'amd64' : arch()], ['os.type', process.platform]);
  if (env['K8S_NODE_NAME']) attributes.push(['k8s.node.name', env['K8S_NODE_NAME']]);
  return attributes;
}
