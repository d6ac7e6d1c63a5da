// Sockets that Node does not have: Unix datagrams with the sender's credentials, and UDP read in batches. Numbers and
// layouts are those of Linux on 64-bit little-endian machines: unix(7), udp(7), socket(7).

import { codeOf } from '../core/errors.ts';
import { ADDRESS_BYTES, AF_INET6, AF_UNIX, addressText, inetAddress, unixAddress } from './address.ts';
import { type Libc, systemError } from './libc.ts';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
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
const F_DUPFD_CLOEXEC = 1030;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** How long a receive call may sleep: a thread inside one cannot be ended. */
const WAKE_MS = 200;
/** Connections that wait to be accepted; the kernel may allow less. */
const BACKLOG = 511;
/** mmap(2): PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS. */
const [READ_WRITE, PRIVATE] = [3, 0x22];
/** A UDP burst waits in the kernel for us; Unix datagrams wait in their sender's own buffer. */
const UDP_BUFFER = 8 * 2 ** 20;

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DatagramSender {
  /** Sends one datagram without waiting; the code of the error (`EAGAIN`, `ENOENT`, …) where nobody took it. */
  send(bytes: Uint8Array): string | undefined;
  close(): void;
}

export interface Sockets {
  /** Binds a Unix datagram socket (path, or `@name` in the abstract namespace) that passes credentials. Throws. */
  bindUnix(path: string): number;
  /** Listens on a Unix stream socket at a path. Throws. */
  listenUnix(path: string): number;
  /** Binds a UDP socket to a numeric address; the IPv6 any address takes IPv4 too. Throws. */
  bindUdp(address: string, port: number): number;
  /** Makes a datagram socket ready to receive from; undefined when it is none. */
  adopt(fd: number): 'unix' | 'udp' | undefined;
  /** `dgram` or `stream`, a blank and the address it is bound to; undefined when it is no such socket. */
  boundTo(fd: number): string | undefined;
  /** A second descriptor of the same socket, so that the first outlives a `close()`; child processes do not get it. */
  duplicate(fd: number): number;
  /** Who connected a Unix stream socket; undefined when the kernel cannot tell. */
  peerOf(fd: number): Credentials | undefined;
  /** Sends one datagram (path or `@name`) without waiting; false when nobody took it. */
  sendDatagram(path: string, bytes: Uint8Array): boolean;
  /** Sends one datagram with an open file to go with it. */
  sendDescriptor(path: string, bytes: Uint8Array, fd: number): boolean;
  /** Makes a named pipe. Throws. */
  makeFifo(path: string, mode: number): void;
  /** For many datagrams to one path or `@name`, whoever is bound to it at the time. Throws. */
  senderTo(path: string): DatagramSender;
  close(fd: number): void;
}

const int32 = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

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

  const bind = (address: Uint8Array, type = SOCK_DGRAM): number => {
    const fd = libc.socket(address[0]!, type | SOCK_CLOEXEC, 0);
    if (fd < 0) throw systemError('socket', libc.errno());
    const check = (call: string, result: number) => {
      if (result >= 0) return;
      const error = systemError(call, libc.errno());
      libc.close(fd);
      throw error;
    };
    if (address[0] === AF_INET6) set(fd, IPV6_V6ONLY, int32(0), IPPROTO_IPV6);
    adopt(fd);
    check('bind', libc.bind(fd, address, address.length));
    if (type !== SOCK_DGRAM) check('listen', libc.listen(fd, BACKLOG));
    return fd;
  };

  /** struct msghdr with one struct iovec and one SCM_RIGHTS, in memory that lives for the call. */
  const sendDescriptor = (path: string, bytes: Uint8Array, fd: number): boolean => {
    const address = unixAddress(path);
    const [vector, control, name, data] = [56, 72, 96, 96 + ADDRESS_BYTES];
    const size = data + bytes.length;
    const at = libc.mmap(0, size, READ_WRITE, PRIVATE, -1, 0);
    if (at > Number.MAX_SAFE_INTEGER) return false;
    const socket = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const view = new DataView(libc.view(at, size));
    const long = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true);
    long(0, at + name);
    view.setUint32(8, address.length, true);
    long(16, at + vector);
    long(24, 1);
    long(32, at + control);
    long(40, 24);
    long(vector, at + data);
    long(vector + 8, bytes.length);
    long(control, 20);
    view.setUint32(control + 8, SOL_SOCKET, true);
    view.setUint32(control + 12, SCM_RIGHTS, true);
    view.setInt32(control + 16, fd, true);
    new Uint8Array(view.buffer).set(address, name);
    new Uint8Array(view.buffer).set(bytes, data);
    const sent = socket >= 0 && libc.sendmsg(socket, at, MSG_DONTWAIT | MSG_NOSIGNAL) === bytes.length;
    if (socket >= 0) libc.close(socket);
    libc.munmap(at, size);
    return sent;
  };

  return {
    bindUnix: path => bind(unixAddress(path)),
    listenUnix: path => bind(unixAddress(path), SOCK_STREAM | SOCK_NONBLOCK),
    bindUdp: (address, port) => bind(inetAddress(address, port)),
    adopt,
    boundTo(fd) {
      const address = new Uint8Array(ADDRESS_BYTES);
      const length = new Int32Array([ADDRESS_BYTES]);
      if (libc.getsockname(fd, address, new Uint8Array(length.buffer)) < 0) return undefined;
      const kind = get(fd, SO_TYPE);
      if (kind !== SOCK_DGRAM && kind !== SOCK_STREAM) return undefined;
      return `${kind === SOCK_DGRAM ? 'dgram' : 'stream'} ${addressText(address, length[0]!)}`;
    },
    duplicate: fd => libc.fcntl(fd, F_DUPFD_CLOEXEC, 3),
    sendDescriptor,
    makeFifo(path, mode) {
      if (libc.mkfifo(path, mode) < 0) throw systemError('mkfifo', libc.errno());
    },
    peerOf(fd) {
      const value = new Int32Array(3);
      const length = int32(12);
      if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, new Uint8Array(value.buffer), length) < 0)
        return undefined;
      // Of a TCP connection the kernel says nobody.
      if (value[1] === -1) return undefined;
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
    senderTo(path) {
      const address = unixAddress(path);
      const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd < 0) throw systemError('socket', libc.errno());
      return {
        send(bytes) {
          const sent = libc.sendto(
            fd,
            bytes,
            bytes.length,
            MSG_DONTWAIT | MSG_NOSIGNAL,
            address,
            address.length,
          );
          return sent < 0 ? codeOf(systemError('sendto', libc.errno())) : undefined;
        },
        close: () => void libc.close(fd),
      };
    },
    close(fd) {
      libc.close(fd);
    },
  };
}
