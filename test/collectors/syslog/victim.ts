// A collector that is killed: run as `node victim.ts <dir> [<options as JSON>]`. It says `ready`, or its faults, and
// `seen N` for the N records it has pushed so far; nothing is ever committed.
import { collect } from './collect.ts';

const [dir = '', options = '{}'] = process.argv.slice(2);
const collector = await collect(JSON.parse(options), { dir });
console.log(collector.stream.faults().join() || 'ready');
for (let count = 1; ; count++) {
  await collector.until(count);
  console.log(`seen ${count}`);
}
