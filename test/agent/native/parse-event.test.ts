// Messages of the process connector, from bytes as a kernel sends them, and broken ones.
import { expect, it } from 'vitest';
import { eventFilter, KernelEvent, parseEvent, subscription } from '../../../agent/native/parse-event.ts';

const FORK = 1;
const EXEC = 2;
const COMM = 0x200;
const EXIT = 0x8000_0000;

/** One datagram: what, and the words behind its time. */
function message(what: number, words: number[], { idx = 1, val = 1, bytes = 92 } = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  const word = (at: number, value: number) => {
    if (at + 4 <= bytes) view.setUint32(at, value, true);
  };
  word(0, bytes);
  word(16, idx);
  word(20, val);
  word(36, what);
  word(44, 1_500_000_000);
  word(48, 2);
  for (const [i, value] of words.entries()) word(52 + 4 * i, value);
  return new Uint8Array(view.buffer);
}

const TIME_MS = (1_500_000_000 + 2 * 2 ** 32) / 1e6;

const CASES: [what: string, bytes: Uint8Array, event: Partial<KernelEvent> | undefined][] = [
  ['a fork', message(FORK, [7, 6, 9, 9]), { what: FORK, pid: 9, parent: 6, time: TIME_MS }],
  ['a new thread', message(FORK, [7, 7, 8, 7]), undefined],
  ['a program', message(EXEC, [9, 9]), { what: EXEC, pid: 9 }],
  ['another name', message(COMM, [9, 9, 0x65, 0, 0, 0]), { what: COMM, pid: 9 }],
  ['the name of a thread', message(COMM, [8, 7, 0x65, 0, 0, 0]), undefined],
  ['an exit', message(EXIT, [9, 9, 0x300, 17, 6, 6]), { what: EXIT, pid: 9, status: 0x300 }],
  ['an end by a signal with core', message(EXIT, [9, 9, 0x8b, 17]), { pid: 9, status: 0x8b }],
  ['the end of a thread', message(EXIT, [8, 7, 0, 17]), undefined],
  ['an acknowledgement', message(0, [0]), { what: 0, error: 0 }],
  ['a refusal', message(0, [1]), { what: 0, error: 1 }],
  ['an event of another kind', message(4, [9, 9, 0, 0]), undefined],
  ['of another connector', message(EXEC, [9, 9], { idx: 2 }), undefined],
  ['of another value', message(EXEC, [9, 9], { val: 2 }), undefined],
  ['cut in its head', message(EXEC, [9, 9], { bytes: 40 }), undefined],
  ['a fork cut short', message(FORK, [7, 6, 9, 9], { bytes: 64 }), undefined],
  ['an exit cut short', message(EXIT, [9, 9, 0, 17], { bytes: 64 }), undefined],
  ['nothing', new Uint8Array(0), undefined],
];

it.each(CASES)('%s', (_, bytes, event) => {
  const into = new KernelEvent();
  const view = new DataView(bytes.buffer);
  expect(parseEvent(view, bytes.length, into)).toBe(event !== undefined);
  if (event) expect(into).toMatchObject(event);
});

it('asks in a way that kernels with and without masks take', () => {
  const old = new DataView(subscription('all', false, 7).buffer);
  expect([old.byteLength, old.getUint32(0, true), old.getUint16(32, true), old.getUint32(36, true)]).toEqual([
    40, 40, 4, 1,
  ]);
  const masked = new DataView(subscription('all', true, 7).buffer);
  expect([masked.byteLength, masked.getUint16(32, true), masked.getUint32(40, true)]).toEqual([
    44, 8, 0x8000_0203,
  ]);
});

/** What the kernel does with a classic BPF program, as far as ours goes: accepted bytes. */
function run(program: Uint8Array, packet: Uint8Array): number {
  const code = new DataView(program.buffer);
  const data = new DataView(packet.buffer);
  let a = 0;
  let x = 0;
  for (let pc = 0; ; pc++) {
    const [operation, yes, no, k] = [
      code.getUint16(8 * pc, true),
      code.getUint8(8 * pc + 2),
      code.getUint8(8 * pc + 3),
      code.getUint32(8 * pc + 4, true),
    ];
    if (operation === 0x20) {
      if (k + 4 > packet.length) return 0;
      a = data.getUint32(k);
    } else if (operation === 0x07) x = a;
    else if (operation === 0x15) pc += a === k ? yes : no;
    else if (operation === 0x1d) pc += a === x ? yes : no;
    else if (operation === 0x06) return k;
    else throw new Error(`instruction ${pc} is none of ours: ${operation}`);
  }
}

it.each(CASES.filter(([, , event]) => event))('the filter passes %s', (_, bytes) => {
  expect(run(eventFilter('all'), bytes)).toBeGreaterThan(0);
});

it.each([
  'a new thread',
  'the name of a thread',
  'the end of a thread',
  'an event of another kind',
  'nothing',
])('the filter stops %s', name => {
  const bytes = CASES.find(([what]) => what === name)![1];
  expect(run(eventFilter('all'), bytes)).toBe(0);
});

it.each([
  ['a program', true],
  ['another name', true],
  ['an acknowledgement', true],
  ['the name of a thread', false],
  ['a fork', false],
  ['an exit', false],
])('of programs alone, %s goes through: %s', (name, through) => {
  const bytes = CASES.find(([what]) => what === name)![1];
  expect(run(eventFilter('programs'), bytes) > 0).toBe(through);
});
