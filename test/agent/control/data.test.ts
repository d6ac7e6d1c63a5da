// The data worker's end: asked, overdue, and on its own.
import { describe, expect, it } from 'vitest';
import { createDataThread } from '../../../agent/control/data.ts';

/** A worker that is ready at once and then does as `code` says with each message. */
const worker = (code: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ type: 'applied' });
      parentPort.on('message', message => { ${code} });`)}`,
  );

describe('the data worker', () => {
  it.each([
    [
      'that closes cleanly',
      'parentPort.postMessage({ type: "stopped", clean: true }); parentPort.close();',
      true,
    ],
    [
      'that closes what it can',
      'parentPort.postMessage({ type: "stopped", clean: false }); parentPort.close();',
      false,
    ],
    ['that does not answer', '', false],
    ['that never returns', 'for (;;);', false],
  ])('%s ends when it is told to', async (_, code, clean) => {
    const deaths: Error[] = [];
    const data = createDataThread(
      worker(code),
      { config: {}, host: [], begun: new SharedArrayBuffer(8) },
      error => deaths.push(error),
    );
    await data.start();
    expect(await data.stop(100)).toBe(clean);
    expect(deaths).toEqual([]);
    expect(await data.stop(100)).toBe(true);
  });

  it('that ends on its own is told', async () => {
    const death = Promise.withResolvers<Error>();
    const data = createDataThread(
      worker('process.exit(3);'),
      { config: {}, host: [], begun: new SharedArrayBuffer(8) },
      death.resolve,
    );
    await data.start();
    data.emit({ name: 'e', daemon: undefined, severity: 9, body: '', attributes: {}, at: 0 });
    expect((await death.promise).message).toBe('the data worker ended with code 3');
  });
});
