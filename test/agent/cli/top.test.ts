// What a terminal shows of a table that is larger than it.
import { expect, it } from 'vitest';
import { frame, gravestFirst } from '../../../agent/cli/top.ts';
import type { DaemonView } from '../../../console/api.ts';

const shown = (text: string) =>
  text.replace(/^\u001b\[H\u001b\[\?7l|\u001b\[J\u001b\[\?7h$/g, '').split('\u001b[K\r\n');

it.each([
  [4, ['DAEMON', 'a', 'b', 'c\u001b[K']],
  [3, ['DAEMON', 'a', '… 2 more\u001b[K']],
  [1, ['… 4 more\u001b[K']],
])('in %i rows', (rows, lines) => expect(shown(frame('DAEMON\na\nb\nc\n', rows))).toEqual(lines));

it('begins with those that are not well, and leaves the others in the order of the file', () => {
  const states = [
    'healthy',
    'stopped',
    'absent',
    'hung',
    'crash_looping',
    'unhealthy',
    'starting',
    'healthy',
  ];
  const daemons = states.map((state, i) => ({ name: `${i}`, state }) as DaemonView);
  expect(
    gravestFirst(daemons)
      .map(({ name }) => name)
      .join(''),
  ).toBe('43526107');
});
