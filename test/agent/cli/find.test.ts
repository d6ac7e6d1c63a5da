// The finder of daemons, and what it takes to have one.
import { expect, it, vi } from 'vitest';
import { createFinder } from '../../../agent/cli/find.ts';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { Discovered } from '../../../agent/identity/discover.ts';

const listRecipes = vi.hoisted(() => vi.fn(() => []));
vi.mock('../../../agent/config/declare.ts', async original => ({
  ...(await original<object>()),
  listRecipes,
}));

it('reads no recipe to write that nothing was found', () => {
  const finder = createFinder({ patterns: createPatterns(), now: () => 0, elapsed: () => 0 });
  expect(finder.write([])).toEqual({});
  expect(listRecipes).not.toHaveBeenCalled();
  finder.write([{ name: 'd', comm: 'd', logs: [] } as unknown as Discovered]);
  expect(listRecipes).toHaveBeenCalledOnce();
});
