// The table of exporters: folder = config key = metric label. Options are read at once, the room only when it is on.

import type { ExporterEntry } from '../agent/core/exporter.ts';
import { options as alert } from './alert/options.ts';
import { options as file } from './file/options.ts';
import { options as otlp } from './otlp/options.ts';
import { options as prometheus } from './prometheus/options.ts';
import { options as store } from './store/options.ts';
import { conflictOf } from './syslog/conflict.ts';
import { options as syslog } from './syslog/options.ts';

/** Binds the type of a line's options, then forgets it: the table holds lines of every type. */
const line = <O>(entry: ExporterEntry<O>): ExporterEntry => entry as ExporterEntry;

export const exporters: readonly ExporterEntry[] = [
  line({ name: 'prometheus', options: prometheus }),
  line({
    name: 'otlp',
    options: otlp,
    logs: async (options, room) => (await import('./otlp/index.ts')).logs(options, room),
    metrics: async (options, room) => (await import('./otlp/index.ts')).metrics(options, room),
  }),
  line({
    name: 'store',
    options: store,
    logs: async (options, room) => (await import('./store/index.ts')).logs(options, room),
  }),
  line({
    name: 'file',
    options: file,
    logs: async (options, room) => (await import('./file/index.ts')).logs(options, room),
  }),
  line({
    name: 'syslog',
    options: syslog,
    conflict: conflictOf,
    logs: async (options, room) => (await import('./syslog/index.ts')).logs(options, room),
  }),
  line({
    name: 'alert',
    options: alert,
    alerts: async (options, room) => (await import('./alert/index.ts')).alerts(options, room),
  }),
];
