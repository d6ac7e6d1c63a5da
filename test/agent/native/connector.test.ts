// Subscribing to process events on a kernel that is played: who listens hears the acknowledgements of all who subscribe.
import { expect, it } from 'vitest';
import { openConnector } from '../../../agent/native/connector.ts';
import type { Native } from '../../../agent/native/index.ts';

const FD = 7;

/** Bytes of an acknowledgement of a request with this token, which no event is cut to. */
function acknowledge(token: number, error = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(76));
  view.setUint32(16, 1, true);
  view.setUint32(20, 1, true);
  view.setUint32(28, token + 1, true);
  view.setUint32(52, error, true);
  return new Uint8Array(view.buffer);
}

/** A kernel that answers a request as told; what it has closed. */
function kernel(answers: (token: number) => Uint8Array[]) {
  const closed: number[] = [];
  const waiting: Uint8Array[] = [];
  const libc = {
    socket: () => FD,
    setsockopt: () => 0,
    mmap: () => 0,
    bind: () => 0,
    errno: () => 0,
    sendto(_fd: number, request: Uint8Array) {
      waiting.push(...answers(new DataView(request.buffer).getUint32(28, true)));
      return request.length;
    },
    poll: () => waiting.length,
    recv(_fd: number, into: Uint8Array) {
      const answer = waiting.shift()!;
      into.set(answer);
      return answer.length;
    },
    close: (fd: number) => closed.push(fd),
  };
  return { closed, native: { libc } as unknown as Native };
}

const another = (token: number) => (token ^ 1) >>> 0;

it.each([
  ['its own', (token: number) => [acknowledge(token)]],
  [
    'its own behind a refusal of another',
    (token: number) => [acknowledge(another(token), 1), acknowledge(token)],
  ],
])('is told when the kernel acknowledges: %s', (_, answers) => {
  const { native, closed } = kernel(answers);
  expect(openConnector(native, 'all')).toBe(FD);
  expect(closed).toEqual([]);
});

it.each([
  ['nothing', () => [], /the kernel does not answer/],
  ['of another alone', (token: number) => [acknowledge(another(token))], /the kernel does not answer/],
  ['a refusal', (token: number) => [acknowledge(token, 1)], /subscribe/],
])('is not when it hears %s', (_, answers, message) => {
  const { native, closed } = kernel(answers);
  expect(() => openConnector(native, 'all')).toThrow(message);
  expect(closed).toEqual([FD]);
});
