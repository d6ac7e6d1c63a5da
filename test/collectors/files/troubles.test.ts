// What cannot be read: who hears of it, and whether the agent is any the less ready.
import { expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { RecordSink, StreamRoom } from '../../../agent/core/collector.ts';
import type { DaemonSpec } from '../../../agent/core/daemon.ts';
import { createLookup } from '../../../agent/identity/lookup.ts';
import { DEFAULTS } from '../../../collectors/files/options.ts';
import { createSources } from '../../../collectors/files/sources.ts';
import { createTroubles } from '../../../collectors/files/troubles.ts';
import { daemon } from '../../agent/identity/specs.ts';

const files = (name: string, more: Partial<DaemonSpec['logs']> = {}) =>
  daemon(
    name,
    { comm: name },
    { logs: { identifiers: [], files: [`/${name}.log`], parse: 'none', ...more } },
  );

it('is told of every file, and listed only of those that somebody has named', () => {
  const patterns = createPatterns();
  const declared = [files('named'), files('found', { presumed: true })];
  const daemons = createLookup({ declared, root: '/', patterns, now: () => 0, elapsed: () => 0 });
  const sources = createSources([{ ...DEFAULTS, include: ['/any.log'], exclude: [] }], {
    patterns,
    daemons,
  } as unknown as StreamRoom);
  const told: string[] = [];
  const log = { warn: (text: string) => void told.push(text) } as never;
  const troubles = createTroubles(log, {} as RecordSink, () => 0);
  const denied = Object.assign(new Error(), { code: 'EACCES' });
  for (const source of sources) troubles.report(source, source.include[0]!, denied);
  expect(told).toEqual(
    ['named', 'found', 'any'].map(name => `cannot read log file "/${name}.log": permission denied`),
  );
  expect(troubles.faults()).toEqual(['cannot read log file "/named.log": permission denied']);
});
