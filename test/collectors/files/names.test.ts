// Names that are no UTF-8: strings and back, and logs that are called so.
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { nameOf, rawPath } from '../../../collectors/files/names.ts';
import { Rig } from './rig.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

it.each([
  ['caf\xe9.log', 'caf\udce9.log'],
  ['caf\xc3\xa9', 'caf\xe9'],
  ['\xf0\x9f\x98\x80\xf0\x9f', '😀\udcf0\udc9f'],
  ['\xed\xb3\xa9', '\udced\udcb3\udca9'],
  ['\xef\xbf\xbd', '\ufffd'],
])('of the bytes %j is the name %j', (raw, name) => {
  expect(nameOf(bytes(raw))).toBe(name);
});

it('each has bytes of its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), some => {
      const raw = Buffer.from(some);
      expect(Buffer.from(rawPath(nameOf(raw)))).toEqual(raw);
    }),
  );
});

it('logs called so, in directories called so, are followed through rotation and restart', () => {
  const rig = new Rig();
  onTestFinished(() => rig.remove());
  const dir = Buffer.concat([bytes(`${rig.dir}/`), bytes('caf\xe9')]);
  const at = (name: string) => Buffer.concat([dir, bytes(`/${name}`)]);
  mkdirSync(dir);
  for (const name of ['\xe0.log', '\xe1.log']) writeFileSync(at(name), `${name} 1\n`);
  rig.follow({ include: ['*/*.log'], start_at: 'beginning' });
  rig.start();
  rig.commit();
  rig.turn(1000);
  rig.stop();
  appendFileSync(at('\xe0.log'), '\xe0.log 2\n');
  rig.tick();
  renameSync(at('\xe0.log'), at('\xe0.log.1'));
  writeFileSync(at('\xe0.log'), '\xe0.log 3\n');
  rig.start();
  rig.turn();
  expect(rig.bodies.toSorted()).toEqual(['à.log 1', 'à.log 2', 'à.log 3', 'á.log 1']);
  expect(rig.records[0]!.attributes['log.file.path']).toMatch(/caf\ufffd\/\ufffd\.log$/);
});
