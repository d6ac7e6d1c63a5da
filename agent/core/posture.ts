// How a process runs, as the kernel tells it: for whom, with which rights, and how far it is shut in. Pure: who asks
// hands in how files and links of /proc/PID are read. Sources: proc_pid_status(5), capabilities(7), namespaces(7),
// proc_pid_attr(5), proc_pid_limits(5).

import { containerIn, podIn, podNamed } from './container.ts';
import { tellSize } from './units.ts';

type Limit = number | 'unlimited';

/** Everything is undefined where it may not be read or the kernel does not tell it. */
export interface Posture {
  /** Name of the effective user, or its number where it has no name. */
  readonly user: string | undefined;
  /** The effective group and the further ones, by name or number. */
  readonly groups: readonly string[] | undefined;
  /** Effective ones, such as `CAP_NET_BIND_SERVICE`. */
  readonly capabilities: readonly string[] | undefined;
  readonly noNewPrivs: boolean | undefined;
  readonly seccomp: 'off' | 'strict' | 'filter' | undefined;
  /** Of AppArmor or SELinux; undefined without either. */
  readonly label: string | undefined;
  readonly confinement: 'none' | 'apparmor' | 'selinux';
  /** Those that are not the first process's, such as `net`. */
  readonly namespaces: readonly string[] | undefined;
  /** The container it runs in, by its id, and the pod, as `namespace/name` where the kubelet tells it, else its uid. */
  readonly container: string | undefined;
  readonly pod: string | undefined;
  /** Its root directory, when that is not `/`. */
  readonly chroot: string | undefined;
  readonly terminal: boolean;
  /** Pid of the leader of its session. */
  readonly session: number;
  /** Soft and hard limits. */
  readonly limits: Readonly<Record<string, { readonly soft: Limit; readonly hard: Limit }>>;
}

/** How the answers are had; each undefined when it is refused or not there. */
export interface PostureSource {
  /** Text of `/proc/PID/<name>`. */
  file(name: string): string | undefined;
  /** Target of the link `/proc/PID/<name>`. */
  link(name: string): string | undefined;
  /** Target of the link `/proc/1/<name>`. */
  linkOfFirst(name: string): string | undefined;
  /** Names in /var/log/pods. */
  podLogs(): readonly string[];
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
}

/** By number. Source: linux/capability.h. */
export const CAPABILITIES: readonly string[] =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
    .split(' ')
    .map(name => `CAP_${name}`);

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
const SECCOMP = ['off', 'strict', 'filter'] as const;
/** Names in /proc/PID/limits and ours. */
const LIMITS: Readonly<Record<string, string>> = {
  'Max open files': 'open_files',
  'Max processes': 'processes',
  'Max core file size': 'core_bytes',
  'Max locked memory': 'locked_memory_bytes',
  'Max address space': 'address_space_bytes',
};

/** Of thousands of processes most have the text of the one before. */
function remembering<T>(parse: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly value: T } | undefined;
  return text => {
    if (last?.text !== text) last = { text, value: parse(text) };
    return last.value;
  };
}

const capabilitiesOf = remembering(parseCapabilities);
const limitsOf = remembering(parseLimits);

export function readPosture(
  source: PostureSource,
  { session, terminal }: { readonly session: number; readonly terminal: number },
): Posture {
  const status = source.file('status') ?? '';
  const field = (name: string) => new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(status)?.[1];
  const uid = field('Uid')?.split(/\s+/)[1];
  const gids = [field('Gid')?.split(/\s+/)[1], ...(field('Groups')?.trim().split(/\s+/) ?? [])].filter(
    Boolean,
  );
  const noNewPrivs = field('NoNewPrivs');
  const capabilities = field('CapEff');
  const root = source.link('root');
  const groups = source.file('cgroup') ?? '';
  const uidOfPod = firstIn(groups, podIn);
  const label = source.file('attr/current')?.replace(/[\0\n]+$/, '') || undefined;
  return {
    user: uid === undefined ? undefined : (source.user(Number(uid)) ?? uid),
    groups: gids.length === 0 ? undefined : [...new Set(gids.map(gid => source.group(Number(gid)) ?? gid!))],
    capabilities: capabilities === undefined ? undefined : capabilitiesOf(capabilities),
    noNewPrivs: noNewPrivs === undefined ? undefined : noNewPrivs === '1',
    seccomp: SECCOMP[Number(field('Seccomp') ?? -1)],
    label,
    confinement: confinementOf(label),
    namespaces: namespacesOf(source),
    container: firstIn(groups, containerIn),
    pod: uidOfPod && (podNamed(uidOfPod, source.podLogs()) ?? uidOfPod),
    chroot: root === undefined || root === '/' ? undefined : root,
    terminal: terminal !== 0,
    session,
    limits: limitsOf(source.file('limits') ?? ''),
  };
}

/** The first that a line of /proc/PID/cgroup gives. */
function firstIn(cgroups: string, find: (path: string) => string | undefined): string | undefined {
  for (const line of cgroups.split('\n')) {
    const found = find(line);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names of the bits of a hexadecimal mask; `CAP_63` for one without a name. */
export function parseCapabilities(mask: string): string[] {
  if (!/^[0-9a-f]{1,16}$/.test(mask)) return [];
  const bits = BigInt(`0x${mask}`);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter(bit => (bits >> BigInt(bit)) & 1n)
    .map(bit => CAPABILITIES[bit] ?? `CAP_${bit}`);
}

/** The capabilities every kernel since 3.16 knows; who holds them holds all. */
const ALL = CAPABILITIES.slice(0, 38);
export const amountOf = (capabilities: readonly string[]): 'none' | 'some' | 'all' =>
  capabilities.length === 0 ? 'none' : ALL.every(each => capabilities.includes(each)) ? 'all' : 'some';

/** Those that lack at most so many are told by what they lack. */
const FEW = 8;

/** For people: `none`, `all`, `all but CAP_SYS_TIME`, or which. */
export function tellCapabilities(capabilities: readonly string[]): string {
  const amount = amountOf(capabilities);
  if (amount !== 'some') return amount;
  const lacking = ALL.filter(each => !capabilities.includes(each));
  return lacking.length <= FEW ? `all but ${lacking.join(' ')}` : capabilities.join(' ');
}

/** A label of SELinux is `user:role:type[:level]`; one of AppArmor is a profile with its mode in parentheses. */
function confinementOf(label: string | undefined): Posture['confinement'] {
  if (label === undefined || /^unconfined( |$)|:unconfined_t(:|$)|\(unconfined\)$/.test(label)) return 'none';
  return label.split(':').length >= 3 ? 'selinux' : 'apparmor';
}

function namespacesOf({ link, linkOfFirst }: PostureSource): string[] | undefined {
  const pairs = NAMESPACES.map(name => [name, link(`ns/${name}`), linkOfFirst(`ns/${name}`)] as const).filter(
    ([, own, first]) => own !== undefined && first !== undefined,
  );
  return pairs.length === 0
    ? undefined
    : pairs.filter(([, own, first]) => own !== first).map(([name]) => name);
}

function parseLimits(text: string): Posture['limits'] {
  const limits: Record<string, { soft: Limit; hard: Limit }> = {};
  for (const [, name, soft, hard] of text.matchAll(/^(Max .*?)\s{2,}(\d+|unlimited)\s+(\d+|unlimited)/gm)) {
    const own = LIMITS[name!];
    if (own) limits[own] = { soft: amount(soft!), hard: amount(hard!) };
  }
  return limits;
}

const amount = (text: string): Limit => (text === 'unlimited' ? text : Number(text));

/** Names by number in passwd(5) or group(5); of several names the first. */
export function namesById(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const [, name, id] of text.matchAll(/^([^:#\n][^:\n]*):[^:\n]*:(\d+):/gm))
    if (!names.has(Number(id))) names.set(Number(id), name!);
  return names;
}

/** `core 0 B`, `open files 1024`. */
function tellLimit(name: string, soft: Limit): string {
  const what = name.replace(/_bytes$/, '');
  const size = what !== name && soft !== 'unlimited';
  return `${what.replaceAll('_', ' ')} ${size ? tellSize(soft) : soft}`;
}

/** In words for people: `user www-data, capabilities none, seccomp filter, …`. */
export function tellPosture(posture: Posture): [what: string, how: string][] {
  const { user, groups, capabilities, noNewPrivs, seccomp, label, namespaces, chroot, limits } = posture;
  const told: [string, string | undefined][] = [
    ['user', user],
    ['groups', groups?.join(' ')],
    ['capabilities', capabilities && tellCapabilities(capabilities)],
    ['no_new_privs', noNewPrivs === undefined ? undefined : noNewPrivs ? 'on' : 'off'],
    ['seccomp', seccomp],
    ['confinement', label ?? 'none'],
    ['namespaces', namespaces && (namespaces.join(' ') || 'of the host')],
    ['pod', posture.pod],
    ['container', posture.container?.slice(0, 12)],
    ['chroot', chroot],
    ['terminal', posture.terminal ? 'yes' : 'none'],
    [
      'limits',
      Object.entries(limits)
        .map(([name, { soft }]) => tellLimit(name, soft))
        .join(', ') || undefined,
    ],
  ];
  return told.filter((each): each is [string, string] => each[1] !== undefined);
}
