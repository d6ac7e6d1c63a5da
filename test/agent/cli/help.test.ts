// `eudaemon help COMMAND` says what each option of the command does.
import { describe, expect, it } from 'vitest';
import { commands } from '../../../agent/cli/index.ts';

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
