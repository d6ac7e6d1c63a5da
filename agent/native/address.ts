// Addresses of sockets as the kernel has them, struct sockaddr_un, sockaddr_in and sockaddr_in6, and as text. Pure but
// for Buffer.

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** struct sockaddr_un. */
export function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length > 107) throw new Error('path longer than 107 bytes');
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
export function inetAddress(text: string, port: number): Uint8Array {
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

/** Bytes that hold any of these addresses. */
export const ADDRESS_BYTES = 128;

/**
 * A path, `@name`, `127.0.0.1:514` or `[::1]:514`; empty for a socket without an address. `length` as the kernel gave
 * it.
 */
export function addressText(address: Uint8Array, length: number): string {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  const family = length < 2 ? 0 : view.getUint16(0, true);
  if (family === AF_UNIX) {
    const name = Buffer.from(address.subarray(2, length));
    if (name.length > 0 && name[0] === 0) return `@${name.subarray(1)}`;
    const end = name.indexOf(0);
    return String(end < 0 ? name : name.subarray(0, end));
  }
  if (family === AF_INET) return `${address.subarray(4, 8).join('.')}:${view.getUint16(2)}`;
  if (family !== AF_INET6) return '';
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16));
  return `${new URL(`http://[${groups.join(':')}]`).hostname}:${view.getUint16(2)}`;
}
