// The file exporter with its options as a file would give them, and batches of text for it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LogExporter } from '../../../agent/core/exporter.ts';
import { logs } from '../../../exporters/file/index.ts';
import { options as schema } from '../../../exporters/file/options.ts';
import { createRoom } from '../store/batch.ts';

export const never = new AbortController().signal;

export function parse(input: object) {
  const problems: string[] = [];
  const checker = {
    problem: (path: readonly (string | number)[], message: string) =>
      void problems.push(`${path.join('.')}: ${message}`),
    formats: { regex: () => undefined, glob: () => undefined },
  };
  return { value: schema.parse(input, [], checker), problems };
}

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'eudaemon-file-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

export async function open(input: object): Promise<{ exporter: LogExporter; logged: string[] }> {
  const { room, logged } = createRoom(folder());
  const exporter = await logs(parse(input).value!, room);
  onTestFinished(() => exporter.close());
  return { exporter, logged };
}
