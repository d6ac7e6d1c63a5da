// The TCP sockets of our own network namespace as the kernel dumps them. /proc/net/tcp tells the same for thirty times the
// CPU, for it goes through the whole table of connections with a lock at hand (bench/processes.ts).
// Sources: sock_diag(7), netlink(7), linux/inet_diag.h.

import type { Native } from './index.ts';
import { systemError } from './libc.ts';

export interface SockDiag {
  /**
   * Gives the inode and the state of each socket, numbers of include/net/tcp_states.h; without those that no process
   * has. Throws where the kernel has no such socket or refuses.
   */
  tcp(each: (inode: number, state: number) => void): void;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
/** NLM_F_REQUEST | NLM_F_DUMP. */
const DUMP = 0x301;
const MSG_DONTWAIT = 0x40;
const FAMILIES = [2, 10];
const IPPROTO_TCP = 6;
/** Every state but TIME_WAIT, which belongs to nobody any more. */
const STATES = 0xfff & ~(1 << 6);
/** struct nlmsghdr and struct inet_diag_req_v2. */
const HEADER = 16;
const REQUEST = HEADER + 56;
/** Of struct inet_diag_msg. */
const STATE = 1;
const INODE = 68;
const MESSAGE = 72;
const ERROR = 2;
const DONE = 3;
const EPROTO = 71;
const BUFFER = 32 * 1024;

export function createSockDiag({ libc }: Native): SockDiag {
  return {
    tcp(each) {
      const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
      if (fd < 0) throw systemError('socket of sock_diag', libc.errno());
      const buf = new Uint8Array(BUFFER);
      const view = new DataView(buf.buffer);
      const kernel = new Uint8Array(12);
      kernel[0] = AF_NETLINK;
      try {
        for (const family of FAMILIES) {
          const request = requestOf(family);
          if (libc.sendto(fd, request, request.length, 0, kernel, kernel.length) < 0)
            throw systemError('sendto', libc.errno());
          for (let more = true; more; ) {
            const length = libc.recv(fd, buf, buf.length, MSG_DONTWAIT);
            if (length < 0) throw systemError('recv', libc.errno());
            more = takeSockets(view, length, each);
          }
        }
      } finally {
        libc.close(fd);
      }
    },
  };
}

function requestOf(family: number): Uint8Array {
  const request = new DataView(new ArrayBuffer(REQUEST));
  request.setUint32(0, REQUEST, true);
  request.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  request.setUint16(6, DUMP, true);
  request.setUint8(HEADER, family);
  request.setUint8(HEADER + 1, IPPROTO_TCP);
  request.setUint32(HEADER + 4, STATES, true);
  return new Uint8Array(request.buffer);
}

/** Takes what one datagram holds, `length` bytes; whether more will follow. Throws the error that the kernel tells. */
export function takeSockets(
  view: DataView,
  length: number,
  each: (inode: number, state: number) => void,
): boolean {
  for (let at = 0; at + HEADER <= length; ) {
    const size = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    const payload = at + HEADER;
    if (type === DONE || size < HEADER || at + size > length) return false;
    if (type === ERROR)
      throw systemError('sock_diag', size < HEADER + 4 ? EPROTO : -view.getInt32(payload, true));
    if (size >= HEADER + MESSAGE) {
      const inode = view.getUint32(payload + INODE, true);
      if (inode !== 0) each(inode, view.getUint8(payload + STATE));
    }
    at += (size + 3) & ~3;
  }
  return length > 0;
}
