// What `eudaemon status` says where there is nothing to show, and what it does not take.
import { expect, it } from 'vitest';
import { status, table } from '../../../agent/cli/status.ts';
import { UsageError } from '../../../agent/core/errors.ts';

it('says that there is nothing to watch, whether nothing is declared or nothing was found', () => {
  expect(table([], 0, (_, text) => text)).toBe('there are no daemons to watch\n');
});

it('shows one daemon at a time', async () => {
  await expect(status.run(['nginx', 'redis'])).rejects.toThrow(
    new UsageError('status: one daemon at a time, not "nginx redis"'),
  );
});
