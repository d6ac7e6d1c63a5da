// `eudaemon help COMMAND` says what each option of the command does.
import { describe, expect, it } from 'vitest';
import { commands, dispatch } from '../../../agent/cli/index.ts';
import { UsageError } from '../../../agent/core/errors.ts';

describe.each(Object.keys(commands))('help %s', name => {
  it('explains every option it shows, and the command as it is called', async () => {
    const { summary, usage } = await commands[name]!();
    expect(summary).toMatch(/^[a-zA-Z].*[^.]$/);
    expect(usage.startsWith(`eudaemon ${name}`)).toBe(true);
    const synopsis = usage.split('\n\n')[0]!;
    const explained = new Set(
      Array.from(usage.matchAll(/^ +(?:-\w, )?--([\w-]+)(?: \S+)? {2,}\S/gm), ([, option]) => option),
    );
    const shown = Array.from(synopsis.matchAll(/--([\w-]+)/g), ([, option]) => option);
    expect(shown.filter(option => !explained.has(option))).toEqual([]);
    for (const line of usage.split('\n')) expect(line.length).toBeLessThanOrEqual(122);
  });
});

it.each([
  [['statsu'], 'unknown command "statsu"; did you mean "status"?', undefined],
  [['help', 'statsu'], 'unknown command "statsu"; did you mean "status"?', undefined],
  [['version', '--all'], 'version: it takes nothing, not "--all"', 'version'],
  [['logs', '--sinse', '10m'], 'logs: unknown option "--sinse"; did you mean "--since"?', 'logs'],
  [['run', '--colour'], 'run: unknown option "--colour"', 'run'],
  [['-v'], 'run: unknown option "-v"', 'run'],
  [['rules', "it's"], 'rules: it takes no argument, not "it\'s"', 'rules'],
  [
    ['logs', '--severity', 'loud'],
    expect.stringMatching(/^logs: --severity "loud" is not one of emerg, /),
    'logs',
  ],
  [['stop'], 'stop: --pidfile FILE is missing', 'stop'],
])('%j is wrong, and says whose page tells how it is right', async (argv, message, command) => {
  const error = await dispatch(argv).catch(each => each);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toMatchObject({ message, command });
});
