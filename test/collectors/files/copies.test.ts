// Copytruncate at its worst moments: between what a look saw and what is read after it.
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Rig } from './rig.ts';

const LINES = Array.from({ length: 9 }, (_, i) => `line ${i}`);
const text = (lines: readonly string[]) => lines.map(line => `${line}\n`).join('');

function read(): { rig: Rig; log: string; copy: string } {
  const rig = new Rig();
  onTestFinished(() => rig.remove());
  const [log, copy] = [rig.path('app.log'), rig.path('app.log.1')];
  writeFileSync(log, text(LINES));
  rig.follow({ include: ['app.log*'], start_at: 'beginning' });
  rig.start();
  expect(rig.bodies).toEqual(LINES);
  return { rig, log, copy };
}

test('a log that is emptied after the look that found its copy', () => {
  const { rig, log, copy } = read();
  copyFileSync(log, copy);
  rig.follower!.look(++rig.now);
  truncateSync(log);
  rig.follower!.turn(rig.now);
  rig.turn(20_000);
  appendFileSync(log, 'next\n');
  rig.turn(20_000);
  expect(rig.bodies).toEqual([...LINES, 'next']);
});

test('a copy that was not whole in the look that found its log emptied', () => {
  const { rig, log, copy } = read();
  const whole = readFileSync(log, 'utf8');
  writeFileSync(copy, whole.slice(0, 30));
  truncateSync(log);
  rig.follower!.look(++rig.now);
  appendFileSync(copy, whole.slice(30));
  while (rig.follower!.turn(rig.now));
  rig.turn(20_000);
  expect(rig.bodies).toEqual(LINES);
});

test('what the log had when it was copied, and nobody had read', () => {
  const { rig, log, copy } = read();
  appendFileSync(log, 'unread\n');
  copyFileSync(log, copy);
  rig.follower!.look(++rig.now);
  truncateSync(log);
  while (rig.follower!.turn(rig.now));
  rig.turn(20_000);
  expect(rig.bodies).toEqual([...LINES, 'unread']);
});
