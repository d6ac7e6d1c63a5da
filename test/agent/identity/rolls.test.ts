// Who ran, kept for the next life of the agent.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Instance } from '../../../agent/core/daemon.ts';
import { createRolls, type Roll } from '../../../agent/identity/rolls.ts';
import { tempDir } from '../../e2e/program.ts';

const top = (pid: number): Instance => ({
  pid,
  ppid: 0,
  startTicks: 100 + pid,
  comm: 'd',
  session: pid,
  state: 'S',
  claimed: true,
  startedAt: 1_700_000_000.25,
});
const rolls = (roll: Partial<Roll> = {}): ReadonlyMap<string, Roll> =>
  new Map([['d', { at: 1_700_000_060_000, tops: [top(5)], leftOver: [], ...roll }]]);

function life(directory: string, boot = 'b') {
  const warnings: string[] = [];
  let elapsed = 0;
  const kept = createRolls(directory, boot, { warn: text => void warnings.push(text) }, () => elapsed);
  return {
    ...kept,
    warnings,
    pass(seconds: number) {
      elapsed += seconds * 1000;
    },
    written: () => readFileSync(join(directory, 'identity', 'running.json'), 'utf8'),
  };
}

it('is known to the next life on the same boot, until that has looked itself', async () => {
  const directory = tempDir();
  const first = life(directory);
  expect(first.last('d')).toBeUndefined();
  first.take(rolls({ leftOver: [top(6)] }));
  await first.flush();
  expect(life(directory, 'another').last('d')).toBeUndefined();
  expect(life(directory, '').last('d')).toBeUndefined();
  const next = life(directory);
  expect(next.last('d')).toEqual(rolls({ leftOver: [top(6)] }).get('d'));
  next.take(new Map());
  expect(next.last('d')).toBeDefined();
  next.take(rolls());
  expect(next.last('d')).toBeUndefined();
  await next.flush();
});

it('holds how those were found that nobody declared, for when they are gone', async () => {
  const directory = tempDir();
  const first = life(directory);
  const two = new Map([...rolls(), ['e', { at: 1_700_000_060_000, tops: [top(7)], leftOver: [] }]] as const);
  first.take(two, () => ({ d: { recipe: 'd' } }));
  await first.flush();
  expect(life(directory).formerly(() => false)).toEqual({ d: { recipe: 'd' } });
  expect(life(directory).formerly(({ pid }) => pid === 5)).toEqual({});
  expect(life(directory, 'another').formerly(() => false)).toEqual({});
  first.take(rolls({ tops: [] }), () => ({ d: { recipe: 'd' } }));
  await first.flush();
  expect(life(directory).formerly(() => false)).toEqual({});
});

it('is written when somebody else runs, and once a minute', async () => {
  const w = life(tempDir());
  const after = async (taken: ReadonlyMap<string, Roll>) => {
    w.take(taken);
    await w.flush();
    return w.written();
  };
  const first = await after(rolls());
  expect(await after(rolls({ at: 1_700_000_061_000 }))).toBe(first);
  const second = await after(rolls({ at: 1_700_000_062_000, tops: [top(6)] }));
  expect(second).not.toBe(first);
  const third = await after(rolls({ at: 1_700_000_063_000, leftOver: [top(6)], tops: [] }));
  expect(third).not.toBe(second);
  w.pass(60);
  expect(await after(rolls({ at: 1_700_000_123_000, leftOver: [top(6)], tops: [] }))).not.toBe(third);
});

it('is written as it stands at last when it changes while the disk is slow', async () => {
  const directory = tempDir();
  const w = life(directory);
  w.take(rolls());
  w.take(rolls({ tops: [top(6)] }));
  await w.flush();
  expect(life(directory).last('d')?.tops).toEqual([top(6)]);
});

it.each([
  '',
  '{',
  '[]',
  '{"version":1,"boot":"b","daemons":[{"daemon":"d","at":1,"tops":[{}],"leftOver":[]}]}',
])('is unknown, and told so, when what is kept is damaged: %j', text => {
  const directory = tempDir();
  mkdirSync(join(directory, 'identity'));
  writeFileSync(join(directory, 'identity', 'running.json'), text);
  const w = life(directory);
  expect(w.last('d')).toBeUndefined();
  expect(w.warnings).toEqual([expect.stringContaining('cannot read')]);
});

it('cannot be kept, and says so once', async () => {
  const directory = tempDir();
  writeFileSync(join(directory, 'identity'), '');
  const w = life(directory);
  w.warnings.length = 0;
  w.take(rolls());
  await w.flush();
  w.take(rolls({ tops: [] }));
  await w.flush();
  expect(w.warnings).toEqual([expect.stringContaining('cannot write')]);
});
