// The table of collectors: folder = config key = metric label. Options are read at once, the room only when it is on.

import type { CollectorEntry } from '../agent/core/collector.ts';
import { options as files } from './files/options.ts';
import { options as gpu } from './gpu/options.ts';
import { options as health } from './health/options.ts';
import { options as host } from './host/options.ts';
import { options as journald } from './journald/options.ts';
import { options as kmsg } from './kmsg/options.ts';
import { options as processes } from './processes/options.ts';
import { options as syslog } from './syslog/options.ts';

/** Binds the type of a line's options, then forgets it: the table holds lines of every type. */
const line = <O>(entry: CollectorEntry<O>): CollectorEntry => entry as CollectorEntry;

export const collectors: readonly CollectorEntry[] = [
  line({
    name: 'syslog',
    thread: 'data',
    options: syslog,
    byDefault: true,
    load: () => import('./syslog/index.ts'),
  }),
  line({
    name: 'files',
    thread: 'data',
    options: files,
    byDefault: true,
    load: () => import('./files/index.ts'),
  }),
  line({
    name: 'processes',
    thread: 'main',
    options: processes,
    byDefault: true,
    load: () => import('./processes/index.ts'),
  }),
  line({
    name: 'health',
    thread: 'main',
    options: health,
    byDefault: true,
    load: () => import('./health/index.ts'),
  }),
  line({
    name: 'host',
    thread: 'main',
    options: host,
    byDefault: true,
    load: () => import('./host/index.ts'),
  }),
  line({
    name: 'gpu',
    thread: 'main',
    options: gpu,
    byDefault: true,
    load: () => import('./gpu/index.ts'),
  }),
  line({
    name: 'journald',
    thread: 'data',
    options: journald,
    byDefault: false,
    load: () => import('./journald/index.ts'),
  }),
  line({
    name: 'kmsg',
    thread: 'data',
    options: kmsg,
    byDefault: false,
    load: () => import('./kmsg/index.ts'),
  }),
];
