// The Kubernetes manifests: they fit together, grant what the agent needs, and no more.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const folder = join(import.meta.dirname, '../../config/kubernetes');
// biome-ignore lint/suspicious/noExplicitAny: manifests are data without a type
type Manifest = any;
const manifests: Manifest[] = parseAllDocuments(readFileSync(join(folder, 'daemonset.yaml'), 'utf8')).map(
  document => document.toJS(),
);
const ofKind = (kind: string): Manifest => manifests.find(manifest => manifest.kind === kind);
const daemonSet = ofKind('DaemonSet');
const pod = daemonSet.spec.template.spec;
const container = pod.containers[0];

describe('daemonset.yaml', () => {
  it('holds each part once, in the order they are applied', () => {
    expect(manifests.map(manifest => manifest.kind)).toEqual([
      'Namespace',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'DaemonSet',
    ]);
    expect(
      new Set(manifests.map(manifest => manifest.metadata.namespace).filter(name => name !== undefined)),
    ).toEqual(new Set(['eudaemon']));
  });

  it('names the image that the Dockerfile says how to build, and gives its program arguments', () => {
    const dockerfile = readFileSync(join(folder, 'Dockerfile'), 'utf8');
    expect(dockerfile).toContain(`docker build -t ${container.image} `);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["eudaemon"\]$/m);
    expect(container.command).toBeUndefined();
    expect(container.args[0]).toBe('run');
  });

  it('selects its own pods and uses its own account', () => {
    expect(daemonSet.spec.template.metadata.labels).toMatchObject(daemonSet.spec.selector.matchLabels);
    expect(pod.serviceAccountName).toBe(ofKind('ServiceAccount').metadata.name);
  });

  it('may read pods, which is all that its token is for', () => {
    const account = ofKind('ServiceAccount').metadata;
    expect(ofKind('ServiceAccount').automountServiceAccountToken).toBe(false);
    expect(pod.automountServiceAccountToken).toBe(true);
    expect(ofKind('ClusterRole').rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    const binding = ofKind('ClusterRoleBinding');
    expect(binding.roleRef).toMatchObject({ kind: 'ClusterRole', name: ofKind('ClusterRole').metadata.name });
    expect(binding.subjects).toEqual([
      { kind: 'ServiceAccount', name: account.name, namespace: account.namespace },
    ]);
    const [entry] = parse(ofKind('ConfigMap').data['eudaemon.yaml']).collectors.files;
    expect(entry.kubernetes).toEqual({ labels: true });
    expect(container.env.map((each: { name: string }) => each.name)).toContain('K8S_NODE_NAME');
  });

  it('runs on every node, as long as the node lives', () => {
    expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(pod.priorityClassName).toBe('system-node-critical');
    expect(pod.hostPID).toBe(true);
    expect(pod.hostNetwork).toBeUndefined();
  });

  it('mounts every volume, and writes only to its own two', () => {
    const mounts: { name: string; readOnly?: boolean }[] = container.volumeMounts;
    expect(mounts.map(mount => mount.name).sort()).toEqual(
      pod.volumes.map((volume: { name: string }) => volume.name).sort(),
    );
    expect(mounts.filter(mount => !mount.readOnly).map(mount => mount.name)).toEqual(['state', 'run']);
  });

  it('keeps two capabilities and a read-only root', () => {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH', 'SYS_PTRACE'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(ofKind('Namespace').metadata.labels['pod-security.kubernetes.io/enforce']).toBe('privileged');
  });

  it('gives its configuration the paths that it mounts', () => {
    const config = parse(ofKind('ConfigMap').data['eudaemon.yaml']);
    const paths: string[] = container.volumeMounts.map((mount: { mountPath: string }) => mount.mountPath);
    expect(paths).toContain(config.agent.state_dir);
    expect(paths).toContain(config.agent.run_dir);
    for (const part of ['proc', 'sys', 'var/log'])
      expect(paths).toContain(`${config.agent.host_root}/${part}`);
    expect(container.args).toEqual(['run', '--config', '/etc/eudaemon/eudaemon.yaml']);
    expect(config.exporters.prometheus.listen).toBe(`0.0.0.0:${container.ports[0].containerPort}`);
  });

  it('asks liveness of the process and readiness of the flow, and waits longer than the agent drains', () => {
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'metrics' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
    const drain = Number.parseInt(
      parse(ofKind('ConfigMap').data['eudaemon.yaml']).agent.shutdown_timeout,
      10,
    );
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(drain);
  });
});

describe('podmonitor.yaml', () => {
  it('selects the pods of the DaemonSet by a port they have', () => {
    const monitor = parse(readFileSync(join(folder, 'podmonitor.yaml'), 'utf8'));
    expect(daemonSet.spec.template.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(container.ports.map((port: { name: string }) => port.name)).toContain(
      monitor.spec.podMetricsEndpoints[0].port,
    );
  });
});
