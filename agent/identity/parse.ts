// What /proc and /etc tell about identity, from their texts. Pure.

import { containerIn } from '../core/container.ts';

export interface Cgroup {
  /** Path in each hierarchy; in a foreign cgroup namespace without the leading `/..`. */
  readonly paths: readonly string[];
  /** The innermost systemd service or scope. */
  readonly unit: string | undefined;
  /** 64 hexadecimal digits. */
  readonly container: string | undefined;
}

/** /proc/PID/cgroup, v1, v2 and both. Lines without a hierarchy number are passed over. Source: cgroups(7). */
export function parseCgroup(text: string): Cgroup {
  const paths: string[] = [];
  // The hierarchies systemd itself keeps come first: in the others a process may lie anywhere.
  for (const [, id, controllers, path] of text.matchAll(/^(\d+):([^:\n]*):(\/.*)$/gm)) {
    const clean = path!.replace(/^(\/\.\.)+(?=\/|$)/, '') || '/';
    if (id === '0' || controllers === 'name=systemd') paths.unshift(clean);
    else paths.push(clean);
  }
  return {
    paths,
    unit: firstOf(paths, unitOf),
    container: firstOf(paths, containerIn),
  };
}

const unitOf = (path: string): string | undefined =>
  path.split('/').findLast(segment => /\.(service|scope)$/.test(segment));

function firstOf<T>(paths: readonly string[], pick: (path: string) => T | undefined): T | undefined {
  for (const path of paths) {
    const found = pick(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The effective uid in /proc/PID/status. */
export function parseUid(status: string): number | undefined {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** Where the stack begins, field 28 of /proc/PID/stat: 0 without the right to know. Source: proc_pid_stat(5). */
export const parseStack = (stat: string): string | undefined =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[25];

/** User names and their uids in passwd(5). */
export function parsePasswd(text: string): Map<string, number> {
  const users = new Map<string, number>();
  for (const [, name, uid] of text.matchAll(/^([^:#\n][^:\n]*):[^:\n]*:(\d+):/gm))
    users.set(name!, Number(uid));
  return users;
}

/**
 * Socket inodes by port of the listening sockets in /proc/net/tcp or tcp6. The kernel lists them before all others,
 * so reading may stop where `done` is true: thousands of connections cost nothing.
 */
export function parseListeners(text: string, ports: Map<number, Set<string>>): { done: boolean } {
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10 || !/^\d+:$/.test(fields[0]!)) continue;
    if (fields[3] !== '0A') return { done: true };
    const port = Number.parseInt(fields[1]!.slice(fields[1]!.lastIndexOf(':') + 1), 16);
    const inodes = ports.get(port);
    if (inodes) inodes.add(fields[9]!);
    else ports.set(port, new Set([fields[9]!]));
  }
  return { done: false };
}

/** UDP ports by inode of the sockets in /proc/net/udp or udp6 that are bound and talk to nobody in particular. */
export function parseBound(text: string): Map<string, number> {
  const ports = new Map<string, number>();
  for (const [, port, inode] of text.matchAll(
    /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) 0+:0000 07 \S+ \S+ \S+ +\d+ +\d+ (\d+) /gm,
  ))
    ports.set(inode!, Number.parseInt(port!, 16));
  return ports;
}

/** The ports that the kernel gives whoever asks for none, in /proc/sys/net/ipv4/ip_local_port_range; Linux's own without it. */
export function parseChosenPorts(text: string): { readonly first: number; readonly last: number } {
  const [first, last] = text.trim().split(/\s+/).map(Number);
  return first! > 0 && last! > 0 ? { first: first!, last: last! } : { first: 32_768, last: 60_999 };
}
