// What the path of a container's log tells of it (kubelet: pkg/kubelet/kuberuntime, BuildContainerLogsDirectory). Pure.

export interface PodLog {
  readonly container: string;
  readonly uid?: string;
  readonly attributes: ReadonlyArray<readonly [string, string]>;
}

const POD = /\/pods\/([^/_]+)_([^/_]+)_([^/_]+)\/([^/]+)\/(\d+)\.log[^/]*$/;
const LINK = /\/containers\/([^/_]+)_([^/_]+)_([^/_]+)-([0-9a-f]{64})\.log$/;

/** Undefined for other paths. */
export function podLogOf(path: string): PodLog | undefined {
  const pod = POD.exec(path);
  if (pod) {
    const [, namespace, name, uid, container, restarts] = pod as unknown as string[];
    return {
      container: container!,
      uid: uid!,
      attributes: [
        ['k8s.namespace.name', namespace!],
        ['k8s.pod.name', name!],
        ['k8s.pod.uid', uid!],
        ['k8s.container.name', container!],
        ['k8s.container.restart_count', restarts!],
      ],
    };
  }
  const link = LINK.exec(path);
  if (!link) return undefined;
  const [, name, namespace, container, id] = link as unknown as string[];
  return {
    container: container!,
    attributes: [
      ['k8s.namespace.name', namespace!],
      ['k8s.pod.name', name!],
      ['k8s.container.name', container!],
      ['container.id', id!],
    ],
  };
}
