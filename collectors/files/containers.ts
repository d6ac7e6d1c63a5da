// What the path of a container's log tells of it: of the kubelet (pkg/kubelet/kuberuntime, BuildContainerLogsDirectory), of
// Docker and of Podman. Pure.

export interface ContainerLog {
  /** Its name, where the path has it. */
  readonly container?: string;
  readonly uid?: string;
  readonly attributes: ReadonlyArray<readonly [string, string]>;
}

const POD = /\/pods\/([^/_]+)_([^/_]+)_([^/_]+)\/([^/]+)\/(\d+)\.log[^/]*$/;
const LINK = /\/containers\/([^/_]+)_([^/_]+)_([^/_]+)-([0-9a-f]{64})\.log$/;

/** Docker's json-file driver, and the k8s-file driver of Podman. */
const BARE = /\/([0-9a-f]{64})\/(?:\1-json|userdata\/ctr)\.log[^/]*$/;

/** Undefined for other paths. */
export function containerLogOf(path: string): ContainerLog | undefined {
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
  const bare = BARE.exec(path)?.[1];
  if (bare !== undefined) return { attributes: [['container.id', bare]] };
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

/** Name and image of a container by Docker's config.v2.json, which stands beside its log. */
export function dockerNames(text: string): ReadonlyArray<readonly [string, string]> {
  const { Name, Config } = JSON.parse(text) as { Name?: unknown; Config?: { Image?: unknown } };
  const names: (readonly [string, string])[] = [];
  if (typeof Name === 'string' && Name !== '') names.push(['container.name', Name.replace(/^\//, '')]);
  if (typeof Config?.Image === 'string' && Config.Image !== '')
    names.push(['container.image.name', Config.Image]);
  return names;
}
