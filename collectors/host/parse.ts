// Figures of the whole host from the texts of /proc (proc(5), Documentation/filesystems/proc.rst,
// Documentation/admin-guide/iostats.rst). Pure. What a kernel does not tell is absent, never zero.

/** Ticks a second in /proc: USER_HZ, which is 100 on every architecture Node runs on. */
const USER_HZ = 100;
const SECTOR = 512;

const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;

export interface CpuFigures {
  /** Seconds of all processors by `cpu.mode`. */
  readonly seconds: ReadonlyMap<string, number>;
  readonly processors: number;
  /** Unix seconds. */
  readonly bootTime: number | undefined;
}

/** /proc/stat. Interrupts of both kinds are one mode; time of guests is part of user and nice. */
export function parseStat(text: string): CpuFigures {
  const seconds = new Map<string, number>();
  let processors = 0;
  let bootTime: number | undefined;
  for (const [name, ...values] of rows(text)) {
    if (name === 'cpu')
      for (const [i, mode] of CPU_MODES.entries()) {
        const value = Number(values[i]);
        if (!Number.isFinite(value)) continue;
        const label = mode === 'irq' || mode === 'softirq' ? 'interrupt' : mode;
        seconds.set(label, (seconds.get(label) ?? 0) + value / USER_HZ);
      }
    else if (/^cpu\d+$/.test(name!)) processors++;
    else if (name === 'btime' && /^\d+$/.test(values[0] ?? '')) bootTime = Number(values[0]);
  }
  return { seconds, processors, bootTime };
}

/** /proc/meminfo: bytes by name. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  for (const [, name, kib] of text.matchAll(/^(\S+):\s+(\d+) kB$/gm)) bytes.set(name!, Number(kib) * 1024);
  return bytes;
}

/** The leading numbers of one line: /proc/loadavg, /proc/uptime. */
export function parseNumbers(text: string): number[] {
  const numbers: number[] = [];
  for (const word of text.trim().split(/\s+/)) {
    if (!/^\d+(\.\d+)?$/.test(word)) break;
    numbers.push(Number(word));
  }
  return numbers;
}

export interface Disk {
  readonly device: string;
  readonly read: DiskTraffic;
  readonly write: DiskTraffic;
  readonly busySeconds: number;
}

export interface DiskTraffic {
  readonly bytes: number;
  readonly operations: number;
  /** Summed over the operations, which overlap. */
  readonly seconds: number;
}

/** Partitions and memory in the shape of disks repeat or belittle the figures of the disks. */
const NO_DISK = /^(z?ram|loop|fd|sr)\d+$|^(h|s|v|xv)d[a-z]+\d+$|^(nvme\d+n\d+|mmcblk\d+)p\d+$/;

/** /proc/diskstats: whole disks that were used at all. */
export function parseDiskstats(text: string): Disk[] {
  const disks: Disk[] = [];
  for (const [, , device, ...words] of rows(text)) {
    const n = words.map(Number);
    if (device === undefined || NO_DISK.test(device) || n.length < 11 || n.some(Number.isNaN)) continue;
    if (n[0] === 0 && n[4] === 0) continue;
    disks.push({
      device,
      read: { operations: n[0]!, bytes: n[2]! * SECTOR, seconds: n[3]! / 1000 },
      write: { operations: n[4]!, bytes: n[6]! * SECTOR, seconds: n[7]! / 1000 },
      busySeconds: n[9]! / 1000,
    });
  }
  return disks;
}

export interface Interface {
  readonly device: string;
  readonly receive: NetworkTraffic;
  readonly transmit: NetworkTraffic;
}

export interface NetworkTraffic {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly drops: number;
}

/** The loopback, and the host's ends of containers: they come and go, and their number knows no bound. */
const NO_INTERFACE = /^(lo|(veth|cali|lxc|lxd|tap|vnet|ifb|nodelocaldns|gke).*)$/;

/** /proc/net/dev. */
export function parseNetDev(text: string): Interface[] {
  const interfaces: Interface[] = [];
  for (const line of text.split('\n')) {
    // The name ends at the last colon: `eth0:1` is a name, and the first figure may follow without a space.
    const [, device, figures] = /^\s*(\S+):\s*(\d[\d\s]*)$/.exec(line) ?? [];
    if (device === undefined || figures === undefined || NO_INTERFACE.test(device)) continue;
    const n = figures.trim().split(/\s+/).map(Number);
    if (n.length < 16) continue;
    interfaces.push({
      device,
      receive: { bytes: n[0]!, packets: n[1]!, errors: n[2]!, drops: n[3]! },
      transmit: { bytes: n[8]!, packets: n[9]!, errors: n[10]!, drops: n[11]! },
    });
  }
  return interfaces;
}

/** /proc/pressure/*: seconds in which some or all tasks waited (Documentation/accounting/psi.rst). */
export function parsePressure(text: string): ReadonlyMap<string, number> {
  const seconds = new Map<string, number>();
  for (const [, kind, micros] of text.matchAll(/^(some|full) .*total=(\d+)$/gm))
    seconds.set(kind!, Number(micros) / 1e6);
  return seconds;
}

export interface Mount {
  readonly device: string;
  readonly mountpoint: string;
  readonly type: string;
}

/**
 * /proc/PID/mounts: filesystems on devices of this host, each device once, at its shortest mount point. Those of
 * the network and of user programs are left out: asking a dead one hangs.
 */
export function parseMounts(text: string): Mount[] {
  const visible = new Map<string, Mount>();
  for (const row of rows(text)) {
    const [device, mountpoint, type] = row.slice(0, 3).map(unescapeMount);
    // A later mount hides an earlier one at the same place.
    if (device && mountpoint && type) visible.set(mountpoint, { device, mountpoint, type });
  }
  const byDevice = new Map<string, Mount>();
  for (const mount of visible.values()) {
    const local = mount.device.startsWith('/dev/')
      ? !/^(fuse|squashfs|iso9660)/.test(mount.type)
      : mount.type === 'zfs';
    const known = byDevice.get(mount.device);
    if (local && !(known && known.mountpoint.length <= mount.mountpoint.length))
      byDevice.set(mount.device, mount);
  }
  return [...byDevice.values()];
}

/** Space, tab, newline and backslash stand as octal escapes. */
const unescapeMount = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));

/** PRETTY_NAME of os-release(5). */
export function parseOsRelease(text: string): string | undefined {
  return /^PRETTY_NAME=(["']?)(.*)\1\s*$/m.exec(text)?.[2];
}

function* rows(text: string): Generator<string[]> {
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words[0] !== '') yield words;
  }
}
