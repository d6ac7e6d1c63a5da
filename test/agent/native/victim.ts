// A process that receives into a ring and is killed: run as `node victim.ts <dir> <messages> <untaken> <boot id>`. It says
// `ready`, takes that many messages into the ring, says `stopped`, waits for a word, receives the untaken ones in one
// call without making entries of them, says `full` and waits for its end.
import { once } from 'node:events';
import { join } from 'node:path';
import { loadNative } from '../../../agent/native/index.ts';
import { openRing } from '../../../agent/native/ring.ts';
import type { RingMemory } from '../../../agent/native/ring-memory.ts';

const [dir = '', messages = '0', untaken = '0', boot = ''] = process.argv.slice(2);
const native = loadNative()!;
const fd = native.bindUnix(join(dir, 'sock'));
const size = { slots: 8, stride: 4096, capacity: 1 << 16 };
const ring = openRing(native, join(dir, 'ring'), size, Date.now(), boot);
ring.read([{ fd, udp: false, ours: false }], error => {
  throw error;
});
console.log('ready');
for (let seen = 0; seen < Number(messages); ) {
  if (ring.next()) seen++;
  else await (ring.waiting() ?? new Promise(setImmediate));
}
await ring.stop();
console.log('stopped');
const memory = Reflect.get(ring, 'memory') as RingMemory;
await once(process.stdin, 'data');
if (Number(untaken) > 0) native.libc.recvmmsg(fd, memory.address + memory.headers, 8, 0x20 | 0x10000, 0);
console.log('full');
