// The floor under every receiver here: takes datagrams with recvmmsg and does nothing but count them. As a process of
// its own, `floor.ts PATH COUNT...` prints a line at each of the counts.

import { writeSync } from 'node:fs';
import { loadNative } from '../agent/native/index.ts';
import { RingMemory } from '../agent/native/ring-memory.ts';

const [, , path = '', ...counts] = process.argv;
const SIZE = { slots: 64, stride: 8192, capacity: 4096 };
const native = loadNative()!;
const bytes = RingMemory.bytes(SIZE);
const address = native.libc.mmap(0, bytes, 3, 0x22, -1, 0);
const memory = new RingMemory(native.libc.view(address, bytes), address, SIZE);
memory.arm();
const fd = native.bindUnix(path);

let received = 0;
for (const target of counts.map(Number)) {
  while (received < target) {
    const count = native.libc.recvmmsg(fd, address + memory.headers, SIZE.slots, 0x10000, 0);
    for (let i = 0; i < count; i++) memory.rearm(i);
    if (count > 0) received += count;
  }
  writeSync(1, `${received}\n`);
}
setInterval(() => {}, 1000);
