// Sockets and pipes that outlive one collector: passed by systemd, kept in its store (FDSTORE=1 of sd_notify(3)), or
// left open for the collector that takes this one's place. So no logger is refused, and what waits in the kernel stays.

import { fstatSync, lstatSync } from 'node:fs';
import type { Held, StreamRoom } from '../../agent/core/collector.ts';
import { attempt } from '../../agent/core/errors.ts';
import type { Native } from '../../agent/native/index.ts';
import { clearPath } from './socket-file.ts';

type Env = Record<string, string | undefined>;

/** Names of what is ours in the store of systemd. */
const OURS = 'eudaemon-syslog ';
const FIRST = 3;

const isOpenFile = (fd: number): boolean => attempt(() => fstatSync(fd)) !== undefined;

/** What systemd passed to this process, sd_listen_fds_with_names(3); like there, asking ends that. */
export function passedFiles(env: Env, pid: number, isOpen = isOpenFile): Held[] {
  const count = env['LISTEN_PID'] === String(pid) ? Number(env['LISTEN_FDS'] ?? 0) : 0;
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const files: Held[] = [];
  for (let fd = FIRST; fd < FIRST + count && isOpen(fd); fd++) {
    const name = names[fd - FIRST] || 'unknown';
    files.push({ fd, name, by: name.startsWith(OURS) ? 'store' : 'unit' });
  }
  return files;
}

export interface Holder {
  /** What is held by a systemd name; a working copy of each. Throws when there is none. */
  named(name: string): number[];
  /** A working copy of what is held under an address such as `dgram /dev/log`. */
  at(address: string): number | undefined;
  /** Holds a descriptor just opened there, beside the caller's. */
  hold(address: string, fd: number): void;
  /** Who holds what is open under this address; undefined when nothing is. */
  heldBy(address: string): Held['by'] | undefined;
  /** Lets go of what nobody asked for since the start; tells of what systemd will not let go of. */
  sweep(): void;
  /** Lets go of everything that only we hold, or of all datagrams. */
  release(which: 'own' | 'dgram'): void;
}

export function createHolder(
  native: Native,
  { held, log }: Pick<StreamRoom, 'held' | 'log'>,
  env: Env,
): Holder {
  held.push(...passedFiles(env, process.pid));
  const used = new Set<Held>();
  const notify = env['FDSTORE'] === '0' ? undefined : env['NOTIFY_SOCKET'];

  const tell = (lines: string, fd?: number): boolean => {
    if (notify === undefined) return false;
    const bytes = Buffer.from(lines);
    return fd === undefined ? native.sendDatagram(notify, bytes) : native.sendDescriptor(notify, bytes, fd);
  };

  const addressOf = ({ fd, name }: Held): string | undefined => {
    const bound = native.boundTo(fd);
    if (bound !== undefined) return bound;
    return name.startsWith(`${OURS}fifo `) ? name.slice(OURS.length) : undefined;
  };

  const isFifoAt = (each: Held, path: string): boolean => {
    const [file, open] = [lstatSync(path, { throwIfNoEntry: false }), fstatSync(each.fd)];
    return open.isFIFO() && file?.ino === open.ino && file.dev === open.dev;
  };

  const find = (address: string): Held | undefined => {
    const path = /^fifo (.*)$/s.exec(address)?.[1];
    return held.find(each =>
      path === undefined ? native.boundTo(each.fd) === address : isFifoAt(each, path),
    );
  };

  const letGo = (each: Held) => {
    const path = /^\w+ (\/.*)$/s.exec(native.boundTo(each.fd) ?? '')?.[1];
    if (each.by === 'store') tell(`FDSTOREREMOVE=1\nFDNAME=${each.name}`);
    native.close(each.fd);
    held.splice(held.indexOf(each), 1);
    // Somebody may have taken its place.
    if (path !== undefined) clearPath(path).catch(() => {});
  };

  return {
    named(name) {
      const found = held.filter(each => each.by === 'unit' && each.name === name);
      const names = held.filter(({ by }) => by === 'unit').map(each => each.name);
      if (found.length === 0)
        throw new Error(
          `systemd passed ${names.length > 0 ? `only ${names.join(', ')}` : 'no sockets'} to this process`,
        );
      return found.map(each => {
        used.add(each);
        return native.duplicate(each.fd);
      });
    },
    at(address) {
      const found = find(address);
      if (!found) return undefined;
      used.add(found);
      return native.duplicate(found.fd);
    },
    hold(address, fd) {
      // A name of the store holds no colon.
      const name = `${OURS}${address.replaceAll(':', '_')}`.slice(0, 255);
      const kept = tell(`FDSTORE=1\nFDNAME=${name}`, fd);
      const entry: Held = { fd: native.duplicate(fd), name, by: kept ? 'store' : 'us' };
      held.push(entry);
      used.add(entry);
    },
    heldBy: address => find(address)?.by,
    sweep() {
      for (const each of [...held].filter(entry => !used.has(entry)))
        if (each.by !== 'unit') letGo(each);
        else
          log.warn(
            `nobody reads what systemd passed as "${each.name}" (${addressOf(each) ?? 'no socket'}): its senders wait; add { activation: "${each.name}" } to collectors.syslog.listen`,
          );
    },
    release(which) {
      for (const each of [...held])
        if (which === 'own' ? each.by === 'us' : each.by !== 'unit' && addressOf(each)?.startsWith('dgram '))
          letGo(each);
    },
  };
}
