// Files whose first line names the columns of the others: it does so for its own file alone, wherever reading begins.
import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

const path = (name: string) => rig.path(name);
const write = (name: string, text: string | Uint8Array) => writeFileSync(path(name), text);
const restart = () => {
  rig.commit();
  rig.turn(1000);
  rig.stop();
  rig.start();
};
/** Of each record its body where that is no line of fields, and what it has of fields. */
const read = () =>
  rig.records.map(({ body, attributes }) => {
    const fields = Object.entries(attributes).filter(([key]) => !key.startsWith('log.'));
    return [body, Object.fromEntries(fields)];
  });
const BROKEN = { 'eudaemon.parse_error': 'not csv' };

it.each<[string, object, () => void | Promise<void>, unknown[]]>([
  ['of its file', {}, () => write('a.csv', 'a,message\n1,m\n'), [['m', { a: '1' }]]],
  [
    'behind a mark, before a return, in quotes',
    {},
    () => write('a.csv', '\ufeff"a b";message\r\n1;m\r\n'),
    [['m', { 'a b': '1' }]],
  ],
  [
    'in another encoding',
    { encoding: 'utf-16le' },
    () => write('a.csv', Buffer.from('ä;message\n1;m\n', 'utf16le')),
    [['m', { ä: '1' }]],
  ],
  ['with one that has no name', {}, () => write('a.csv', 'a;;message\n1;2;m\n'), [['m', { a: '1' }]]],
  [
    'of several files in turn',
    {},
    () => {
      write('a.csv', 'a;message\n1;m\n');
      write('b.csv', 'message;b\nn;2\n');
      rig.turn();
      appendFileSync(path('a.csv'), '3;o\n');
      rig.turn();
      appendFileSync(path('b.csv'), 'p;4\n');
    },
    [
      ['m', { a: '1' }],
      ['n', { b: '2' }],
      ['o', { a: '3' }],
      ['p', { b: '4' }],
    ],
  ],
  [
    'after a restart',
    {},
    () => {
      write('a.csv', 'a;message\n1;m\n');
      rig.turn();
      restart();
      appendFileSync(path('a.csv'), '2;n\n');
    },
    [
      ['m', { a: '1' }],
      ['n', { a: '2' }],
    ],
  ],
  [
    'of the file that was emptied and has others now',
    {},
    () => {
      write('a.csv', 'a;message\n1;m\n');
      rig.turn();
      truncateSync(path('a.csv'));
      appendFileSync(path('a.csv'), 'message;b\nn;2\n');
    },
    [
      ['m', { a: '1' }],
      ['n', { b: '2' }],
    ],
  ],
  [
    'of the rotated file and its next',
    {},
    () => {
      write('a.csv', 'a;message\n1;m\n');
      rig.turn();
      rig.tick();
      renameSync(path('a.csv'), path('a.csv.1'));
      write('a.csv', 'message;b\nn;2\n');
      appendFileSync(path('a.csv.1'), '3;o\n');
    },
    [
      ['m', { a: '1' }],
      ['o', { a: '3' }],
      ['n', { b: '2' }],
    ],
  ],
  [
    'of a compressed file of which a part was read before',
    { compressed: 'read', include: ['*.csv', '*.gz'] },
    async () => {
      write('a.csv', 'a;message\n1;m\n');
      rig.turn();
      restart();
      rig.stop();
      appendFileSync(path('a.csv'), '2;n\n');
      write('a.csv.gz', gzipSync(readFileSync(path('a.csv'))));
      rmSync(path('a.csv'));
      rig.start();
      await rig.unpack();
    },
    [
      ['m', { a: '1' }],
      ['n', { a: '2' }],
    ],
  ],
  ['that is damaged, for no line', {}, () => write('a.csv', '"a;message\n1;m\n'), [['1;m', BROKEN]]],
  ['that other lines do not fit', {}, () => write('a.csv', 'a;b\n1\n'), [['1', BROKEN]]],
  ['alone gives no record', {}, () => write('a.csv', 'a;b\n'), []],
])('columns %s', async (_, entry, steps, expected) => {
  const delimiter = _ === 'of its file' ? ',' : ';';
  rig.follow({
    include: ['*.csv'],
    start_at: 'beginning',
    parse: { format: 'csv', header: true, delimiter },
    ...entry,
  });
  rig.start();
  await steps();
  rig.turn();
  expect(read()).toEqual(expected);
});

it('columns of a log that is read from its end', () => {
  write('a.csv', 'a;message\n1;m\n');
  rig.follow({ include: ['*.csv'], start_at: 'end', parse: { format: 'csv', header: true, delimiter: ';' } });
  rig.start();
  appendFileSync(path('a.csv'), '2;n\n');
  rig.turn();
  expect(read()).toEqual([['n', { a: '2' }]]);
});
