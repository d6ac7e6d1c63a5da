// The C library through koffi: the only file that knows it. Functions give what the C function gives; `errno()` tells
// why one failed. Addresses are plain numbers, and whoever maps memory keeps it until nothing uses it any more.

import { createRequire } from 'node:module';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

type Bytes = Uint8Array;

/** madvise(2): pages are let go of; what is in their file comes back as they are touched. */
export const MADV_DONTNEED = 4;

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Bytes, length: number): number;
  listen(fd: number, backlog: number): number;
  getsockname(fd: number, address: Bytes, length: Bytes): number;
  setsockopt(fd: number, level: number, name: number, value: Bytes, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: Bytes, length: Bytes): number;
  sendto(fd: number, data: Bytes, size: number, flags: number, address: Bytes, length: number): number;
  sendmsg(fd: number, message: number, flags: number): number;
  recv(fd: number, data: Bytes, size: number, flags: number): number;
  /** Of up to 2 GiB, into memory at an address, which saves a fifth of a call. */
  pread(fd: number, address: number, size: number, offset: number): number;
  /** struct timespec: two 64-bit numbers, at an address. */
  clock_gettime(clock: number, address: number): number;
  recvmmsg(fd: number, vector: number, count: number, flags: number, timeout: number): number;
  poll(fds: Bytes, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  close(fd: number): number;
  shutdown(fd: number, how: number): number;
  dup2(fd: number, as: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  mkfifo(path: string, mode: number): number;
  mmap(at: number, size: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, size: number): number;
  madvise(address: number, size: number, advice: number): number;
  /** glibc's alone. */
  readonly malloc_trim: ((pad: number) => number) | undefined;
  flock(fd: number, operation: number): number;
  ioctl(fd: number, request: number, argument: Bytes): number;
  /** Both at addresses; the name ends with a zero. */
  readlinkat(directory: number, name: number, into: number, size: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  /** getdents64(2) by its number, for not every C library has a function for it. */
  getdents(call: number, fd: number, into: number, size: number): number;
  /** Absent in glibc before 2.33, which had it under another name. */
  readonly fstat: ((fd: number, into: Bytes) => number) | undefined;
  /** statx(2), as above. */
  statx(call: number, fd: number, path: string, flags: number, mask: number, into: Bytes): number;
  /** Any system call of up to two numbers. */
  syscall(call: number, first: number, second: number): number;
  errno(): number;
  /** The memory at an address. Reading it after `munmap` is a crash. */
  view(address: number, size: number): ArrayBuffer;
}

/** Loads koffi and binds the functions; throws what koffi throws. */
export function loadLibc(): Libc {
  const require = createRequire(import.meta.url);
  const koffi = require('koffi') as typeof import('koffi');
  // The program itself has libc loaded, whichever it is: glibc or musl.
  const lib = koffi.load(null);
  const call = (name: string, result: string, ...args: string[]) => lib.func(name, result, args);
  const maybe = (name: string, result: string, ...args: string[]) => {
    try {
      return call(name, result, ...args);
    } catch {
      return undefined;
    }
  };
  return {
    socket: call('socket', 'int', 'int', 'int', 'int'),
    bind: call('bind', 'int', 'int', 'uint8_t *', 'uint32'),
    listen: call('listen', 'int', 'int', 'int'),
    getsockname: call('getsockname', 'int', 'int', 'uint8_t *', 'uint8_t *'),
    setsockopt: call('setsockopt', 'int', 'int', 'int', 'int', 'uint8_t *', 'uint32'),
    getsockopt: call('getsockopt', 'int', 'int', 'int', 'int', 'uint8_t *', 'uint8_t *'),
    sendto: call('sendto', 'intptr', 'int', 'uint8_t *', 'size_t', 'int', 'uint8_t *', 'uint32'),
    sendmsg: call('sendmsg', 'intptr', 'int', 'uintptr', 'int'),
    recv: call('recv', 'intptr', 'int', 'uint8_t *', 'size_t', 'int'),
    pread: call('pread', 'int', 'int', 'uintptr', 'uint32', 'uint32'),
    clock_gettime: call('clock_gettime', 'int', 'int', 'uintptr'),
    recvmmsg: call('recvmmsg', 'int', 'int', 'uintptr', 'uint', 'int', 'uintptr'),
    poll: call('poll', 'int', 'uint8_t *', 'ulong', 'int'),
    eventfd: call('eventfd', 'int', 'uint', 'int'),
    close: call('close', 'int', 'int'),
    shutdown: call('shutdown', 'int', 'int', 'int'),
    dup2: call('dup2', 'int', 'int', 'int'),
    fcntl: call('fcntl', 'int', 'int', 'int', 'int'),
    mkfifo: call('mkfifo', 'int', 'str', 'uint32'),
    mmap: call('mmap', 'uintptr', 'uintptr', 'size_t', 'int', 'int', 'int', 'int64'),
    munmap: call('munmap', 'int', 'uintptr', 'size_t'),
    madvise: call('madvise', 'int', 'uintptr', 'size_t', 'int'),
    malloc_trim: maybe('malloc_trim', 'int', 'size_t'),
    flock: call('flock', 'int', 'int', 'int'),
    ioctl: call('ioctl', 'int', 'int', 'ulong', 'uint8_t *'),
    readlinkat: call('readlinkat', 'int', 'int', 'uintptr', 'uintptr', 'uint32'),
    lseek: call('lseek', 'int64', 'int', 'int64', 'int'),
    getdents: call('syscall', 'intptr', 'intptr', 'intptr', 'uintptr', 'size_t'),
    fstat: maybe('fstat', 'int', 'int', 'uint8_t *'),
    statx: call('syscall', 'intptr', 'intptr', 'intptr', 'str', 'intptr', 'intptr', 'uint8_t *'),
    syscall: call('syscall', 'intptr', 'intptr', 'intptr', 'intptr'),
    errno: () => koffi.errno(),
    view: (address, size) => koffi.view(BigInt(address), size),
  };
}

/** An error as Node makes them, with `code`, from an error number. */
export function systemError(call: string, errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${getSystemErrorMessage(-errno)} (${call})`), { code, errno: -errno });
}
