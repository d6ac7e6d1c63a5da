// Named pipes, whose readers come late, read slowly and leave.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { batch } from '../store/batch.ts';
import { folder, never, open } from './rig.ts';

function fifo(): string {
  const path = join(folder(), 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}
const reader = (path: string) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
/** What is in the pipe now. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    try {
      const n = readSync(fd, buffer);
      if (n === 0) return text;
      text += buffer.toString('utf8', 0, n);
    } catch {
      return text;
    }
  }
}
const lines = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line).body);
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ body: `${i} ${'x'.repeat(100)}` }));

it('a reader that is not there yet is waited for', async () => {
  const path = fifo();
  const { exporter } = await open({ path });
  const given = batch({ body: 'a' });
  await expect(exporter.deliver(given, never)).rejects.toMatchObject({ reason: 'no_reader' });
  const fd = reader(path);
  expect(await exporter.deliver(given, never)).toEqual({ rejected: 0 });
  expect(lines(drain(fd))).toEqual(['a']);
  closeSync(fd);
});

it('a slow reader gets every line whole and once, and the agent is free meanwhile', async () => {
  const path = fifo();
  const fd = reader(path);
  const { exporter } = await open({ path });
  const given = numbered(2000);
  let done = false;
  const delivery = exporter.deliver(batch(...given), never).then(result => {
    done = true;
    return result;
  });
  let text = '';
  while (!done) {
    text += drain(fd);
    await setImmediate();
  }
  text += drain(fd);
  expect(await delivery).toEqual({ rejected: 0 });
  expect(lines(text)).toEqual(given.map(each => each.body));
  closeSync(fd);
});

it.each([0, 1, 3, 10, 30, 100, 300])(
  'an agent that ends after %d turns leaves no half line in the pipe, and a retry in its life repeats nothing',
  async turns => {
    const path = fifo();
    const fd = reader(path);
    const { exporter } = await open({ path });
    const given = batch(...numbered(2000));
    const stop = new AbortController();
    const first = exporter.deliver(given, stop.signal).catch(error => error);
    for (let i = 0; i < turns; i++) await setImmediate();
    stop.abort();
    await first;
    const before = drain(fd);
    expect(before).toMatch(/^$|\}\n$/);
    let text = before;
    let done = false;
    const again = exporter.deliver(given, never).finally(() => {
      done = true;
    });
    while (!done) {
      text += drain(fd);
      await setImmediate();
    }
    await again;
    expect(lines(text + drain(fd))).toEqual(numbered(2000).map(each => each.body));
    closeSync(fd);
  },
);

it('a reader that leaves is told, and another one goes on', async () => {
  const path = fifo();
  const fd = reader(path);
  const { exporter } = await open({ path });
  await exporter.deliver(batch({ body: 'a' }), never);
  closeSync(fd);
  const given = batch({ body: 'b' });
  await expect(exporter.deliver(given, never)).rejects.toMatchObject({
    reason: 'no_reader',
    message: `cannot write file "${path}": broken pipe`,
  });
  const next = reader(path);
  await exporter.deliver(given, never);
  expect(lines(drain(next))).toEqual(['b']);
  closeSync(next);
});
