// What the path of a control group tells of the container and the pod it is for. Pure. Sources: kubelet
// (pkg/kubelet/cm), the cgroup drivers of containerd, CRI-O, Docker and Podman.

/** 64 hexadecimal digits: `docker-<id>.scope`, `cri-containerd-<id>.scope`, `/docker/<id>`, `libpod-<id>`; the innermost. */
export const containerIn = (path: string): string | undefined =>
  path.match(/(?<![0-9a-f])[0-9a-f]{64}(?=[^0-9a-f]|$)/g)?.at(-1);

/** The uid of a pod: `pod<uid>` of cgroupfs, `…-pod<uid with _>.slice` of systemd. */
export const podIn = (path: string): string | undefined =>
  /(?:^|[/-])pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?:\/|$)/
    .exec(path)?.[1]
    ?.replaceAll('_', '-');

/** Namespace and name of a pod by the kubelet's directories of logs, `<namespace>_<name>_<uid>`. */
export function podNamed(uid: string, logDirectories: readonly string[]): string | undefined {
  const [namespace, name] = logDirectories.find(each => each.endsWith(`_${uid}`))?.split('_') ?? [];
  return name === undefined ? undefined : `${namespace}/${name}`;
}
