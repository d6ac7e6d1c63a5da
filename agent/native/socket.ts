// Sockets that Node does not have: Unix datagrams with the sender's credentials, and UDP read in batches. Numbers and
// layouts are those of Linux on 64-bit little-endian machines: unix(7), udp(7), socket(7).

import { type Libc, systemError } from './libc.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_RCVBUF = 8;
const SO_PASSCRED = 16;
const SO_PEERCRED = 17;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SO_DOMAIN = 39;
const SO_RXQ_OVFL = 40;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** How long a receive call may sleep: a thread inside one cannot be ended. */
const WAKE_MS = 200;
/** A UDP burst waits in the kernel for us; Unix datagrams wait in their sender's own buffer. */
const UDP_BUFFER = 8 * 2 ** 20;

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Sockets {
  /** Binds a Unix datagram socket (path, or `@name` in the abstract namespace) that passes credentials. Throws. */
  bindUnix(path: string): number;
  /** Binds a UDP socket to a numeric address; the IPv6 any address takes IPv4 too. Throws. */
  bindUdp(address: string, port: number): number;
  /** Makes a datagram socket ready to receive from; undefined when it is none. */
  adopt(fd: number): 'unix' | 'udp' | undefined;
  /** A second descriptor of the same socket, so that the first outlives a `close()`. */
  duplicate(fd: number): number;
  /** Who connected a Unix stream socket; undefined when the kernel cannot tell. */
  peerOf(fd: number): Credentials | undefined;
  /** Sends one datagram (path or `@name`) without waiting; false when nobody took it. */
  sendDatagram(path: string, bytes: Uint8Array): boolean;
  close(fd: number): void;
}

const int32 = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

/** struct sockaddr_un. */
function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length > 107) throw Object.assign(new Error('path longer than 107 bytes'), { code: 'EINVAL' });
  const address = new Uint8Array(2 + name.length + (name[0] === 0x40 ? 0 : 1));
  address[0] = AF_UNIX;
  address.set(name, 2);
  if (name[0] === 0x40) address[2] = 0;
  return address;
}

/** The eight 16-bit groups of an IPv6 address, `::` filled up. */
function ipv6Groups(text: string): number[] {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [a * 256 + Number(b), c * 256 + Number(d)].map(group => group.toString(16)).join(':'),
  );
  const [left, right] = plain.split('::').map(side => (side ? side.split(':') : []));
  const gap = right ? 8 - left!.length - right.length : 0;
  return [...left!, ...new Array<string>(gap).fill('0'), ...(right ?? [])].map(group =>
    Number.parseInt(group, 16),
  );
}

/** struct sockaddr_in or sockaddr_in6 of a numeric address. */
function inetAddress(text: string, port: number): Uint8Array {
  const six = text.includes(':');
  const address = new DataView(new ArrayBuffer(six ? 28 : 16));
  address.setUint16(0, six ? AF_INET6 : AF_INET, true);
  address.setUint16(2, port);
  const parts = six ? ipv6Groups(text) : text.split('.').map(Number);
  for (const [i, part] of parts.entries())
    if (six) address.setUint16(8 + 2 * i, part);
    else address.setUint8(4 + i, part);
  return new Uint8Array(address.buffer);
}

export function createSockets(libc: Libc): Sockets {
  const set = (fd: number, name: number, value: Uint8Array, level = SOL_SOCKET) =>
    libc.setsockopt(fd, level, name, value, value.length);

  const get = (fd: number, name: number): number => {
    const value = new Int32Array(1);
    const read = libc.getsockopt(fd, SOL_SOCKET, name, new Uint8Array(value.buffer), int32(4));
    return read < 0 ? -1 : value[0]!;
  };

  const adopt = (fd: number): 'unix' | 'udp' | undefined => {
    if (get(fd, SO_TYPE) !== SOCK_DGRAM) return undefined;
    const unix = get(fd, SO_DOMAIN) === AF_UNIX;
    // struct timeval
    set(fd, SO_RCVTIMEO, new Uint8Array(BigInt64Array.from([0n, BigInt(WAKE_MS * 1000)]).buffer));
    set(fd, SO_TIMESTAMPNS, int32(1));
    if (unix) set(fd, SO_PASSCRED, int32(1));
    else {
      set(fd, SO_RXQ_OVFL, int32(1));
      if (set(fd, SO_RCVBUFFORCE, int32(UDP_BUFFER)) < 0) set(fd, SO_RCVBUF, int32(UDP_BUFFER));
    }
    return unix ? 'unix' : 'udp';
  };

  const bind = (address: Uint8Array): number => {
    const fd = libc.socket(address[0]!, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw systemError('socket', libc.errno());
    if (address[0] === AF_INET6) set(fd, IPV6_V6ONLY, int32(0), IPPROTO_IPV6);
    adopt(fd);
    if (libc.bind(fd, address, address.length) < 0) {
      const error = systemError('bind', libc.errno());
      libc.close(fd);
      throw error;
    }
    return fd;
  };

  return {
    bindUnix: path => bind(unixAddress(path)),
    bindUdp: (address, port) => bind(inetAddress(address, port)),
    adopt,
    duplicate: fd => libc.dup(fd),
    peerOf(fd) {
      const value = new Int32Array(3);
      const length = int32(12);
      if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, new Uint8Array(value.buffer), length) < 0)
        return undefined;
      return { pid: value[0]!, uid: value[1]! >>> 0, gid: value[2]! >>> 0 };
    },
    sendDatagram(path, bytes) {
      const address = unixAddress(path);
      const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd < 0) return false;
      const sent = libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length);
      libc.close(fd);
      return sent === bytes.length;
    },
    close(fd) {
      libc.close(fd);
    },
  };
}
