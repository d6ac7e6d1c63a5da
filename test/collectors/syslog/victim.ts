// A collector that is killed: run as `node victim.ts <dir>`. It says `ready`, and `seen N` for the N records it has
// pushed so far; nothing is ever committed.
import { collect } from './collect.ts';

const collector = await collect({}, { dir: process.argv[2]! });
console.log('ready');
for (let count = 1; ; count++) {
  await collector.until(count);
  console.log(`seen ${count}`);
}
