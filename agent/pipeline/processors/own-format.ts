// What a daemon says elsewhere than in its log files, over syslog or in the journal, is read in the format of its logs.

import type { DaemonSpec } from '../../core/daemon.ts';
import { createParser } from '../../core/formats/index.ts';
import type { Patterns } from '../../core/pattern.ts';
import { EVENTS } from '../../core/processor.ts';
import type { LogRecord } from '../../core/record.ts';
import { createParse } from './parse.ts';
import type { Step } from './step.ts';
import { Unpacker } from './text.ts';

/** Collectors whose records it is not for: log files are read in their format where they are followed. */
const EXCEPT = ['files', EVENTS];

/** Reads a record of this collector. */
export type OwnFormats = (record: LogRecord, source: string) => void;

/**
 * Undefined where no daemon has a format of messages. One that has log files, too, may say other things in other words
 * over syslog: what does not fit is not marked then.
 */
export function createOwnFormats(
  daemons: Iterable<Pick<DaemonSpec, 'name' | 'logs'>>,
  patterns: Patterns,
): OwnFormats | undefined {
  const steps = new Map<string | undefined, Step>();
  const unpacker = new Unpacker();
  for (const { name, logs } of daemons)
    if (createParser(logs.parse, patterns).format !== undefined)
      steps.set(name, createParse(logs.parse, { patterns, unpacker }, logs.files.length === 0));
  if (steps.size === 0) return undefined;
  return (record, source) => {
    const step = EXCEPT.includes(source) ? undefined : steps.get(record.origin.daemon);
    if (step === undefined) return;
    record.outline = undefined;
    step.run(record);
  };
}
