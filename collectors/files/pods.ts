// Labels of the pods of this node, as the API server tells them: listed once, then watched. Where that is not allowed or
// there is no server, one message says so and the labels stay absent.

import { causeOf } from '../../agent/core/errors.ts';
import type { Log } from '../../agent/core/log.ts';
import { type Api, createApi, StatusError } from './api.ts';
import type { KubernetesOptions } from './options.ts';

/** Pods remembered, the last changed; a node has 110 to 500, and the logs of those that are gone are read to their end. */
const MAX_PODS = 2000;
const PAGE = 250;
const WATCH_SECONDS = 300;
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Rights may be granted later. */
const FORBIDDEN_MS = 600_000;
/** Of a static pod the API server has a mirror with another uid; this names the one of its logs. */
const MIRROR = 'kubernetes.io/config.hash';

type Labels = ReadonlyArray<readonly [string, string]>;

export interface Pods {
  /** Changes with what any pod's labels are. */
  readonly version: number;
  /** Resource attributes; none while nothing is known of the pod. */
  labelsOf(uid: string): Labels;
  /** Resolves when the pods are known, cannot be, or `ms` have passed. */
  settled(ms: number): Promise<void>;
  close(): void;
}

interface Meta {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Listed {
  readonly metadata?: Meta;
  readonly items?: readonly { readonly metadata?: Meta }[];
}
interface Watched {
  readonly type?: string;
  readonly object?: { readonly metadata?: Meta; readonly code?: number };
}

export function createPods(
  options: KubernetesOptions,
  log: Log,
  env: Readonly<Record<string, string | undefined>> = process.env,
  retryMs = (attempt: number) =>
    Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt) * (0.5 + Math.random() / 2),
): Pods {
  const known = new Map<string, Labels>();
  let version = 0;
  let attempt = 0;
  let told = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const { promise: first, resolve: settle } = Promise.withResolvers<void>();

  function take(meta: Meta | undefined): void {
    const uid = meta?.annotations?.[MIRROR] ?? meta?.uid;
    if (uid === undefined) return;
    const labels = Object.entries(meta?.labels ?? {}).map(
      ([key, value]) => [`k8s.pod.label.${key}`, value] as const,
    );
    if (JSON.stringify(known.get(uid)) !== JSON.stringify(labels)) version++;
    known.delete(uid);
    known.set(uid, labels);
    if (known.size > MAX_PODS) known.delete(known.keys().next().value!);
  }

  async function follow(api: Api, node: string): Promise<void> {
    const pods = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`;
    let since = '';
    for (let more: string | undefined = ''; more !== undefined; ) {
      const page = more === '' ? '' : `&continue=${encodeURIComponent(more)}`;
      const list = (await api.read(`${pods}&limit=${PAGE}${page}`)) as Listed;
      for (const { metadata } of list.items ?? []) take(metadata);
      since = list.metadata?.resourceVersion ?? '';
      more = list.metadata?.continue || undefined;
    }
    settle();
    attempt = 0;
    told = false;
    while (!closed) {
      await api.watch(
        `${pods}&watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${since}`,
        event => {
          const { type, object } = event as Watched;
          // Most often 410: what happened since is no longer known, and all is listed again.
          if (type === 'ERROR') throw new StatusError(object?.code ?? 0);
          since = object?.metadata?.resourceVersion ?? since;
          if (type === 'ADDED' || type === 'MODIFIED') take(object?.metadata);
        },
      );
      await new Promise(resolve => {
        timer = setTimeout(resolve, retryMs(0));
      });
    }
  }

  function failed(api: Api, node: string, error: unknown): void {
    if (closed) return;
    settle();
    const status = error instanceof StatusError ? error.status : 0;
    const isForbidden = status === 401 || status === 403;
    if (!told && status !== 410)
      log.warn(
        `cannot read labels of pods: ${causeOf(error)}${
          isForbidden ? '; allow its service account to get, list and watch pods' : ''
        }; log records go without them`,
      );
    told ||= status !== 410;
    timer = setTimeout(run, isForbidden ? FORBIDDEN_MS : retryMs(attempt++), api, node);
  }

  function run(api: Api, node: string): void {
    follow(api, node).catch(error => failed(api, node, error));
  }

  const url = options.api ?? serverOf(env);
  const node = options.node ?? env['K8S_NODE_NAME'];
  const lacks =
    url === undefined
      ? 'this is no pod of a cluster; set `api`'
      : node
        ? undefined
        : 'the name of the node is not known; set `node` or K8S_NODE_NAME from spec.nodeName';
  const api = url === undefined ? undefined : createApi(url, options.account);
  if (lacks === undefined) run(api!, node!);
  else {
    log.warn(`cannot read labels of pods: ${lacks}; log records go without them`);
    settle();
  }

  return {
    get version() {
      return version;
    },
    labelsOf: uid => known.get(uid) ?? [],
    async settled(ms) {
      const late = Promise.withResolvers<void>();
      const limit = setTimeout(late.resolve, ms);
      await Promise.race([first, late.promise]);
      clearTimeout(limit);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      api?.close();
    },
  };
}

/** The API server as every container of a cluster is told; undefined outside of one. */
function serverOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!host) return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] ?? 443}`;
}
