// The data worker: meeting place of streams, pipeline and log exporters. A shell; all it decides is order.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { collectors } from '../collectors/index.ts';
import { exporters } from '../exporters/index.ts';
import { createLetters } from '../exporters/store/letters.ts';
import type { Config } from './config/index.ts';
import { createPatterns } from './config/patterns.ts';
import { createAgentLog } from './control/log.ts';
import { type DataSetup, DEAD_LETTER_DIRECTORY, type FromData, type ToData } from './control/messages.ts';
import { createReporter } from './control/report.ts';
import { systemClock } from './core/clock.ts';
import { createMeter } from './core/meter.ts';
import type { Family } from './core/metric.ts';
import { createLookup } from './identity/lookup.ts';
import { sweepHeap } from './native/sweep.ts';
import { createData } from './pipeline/data.ts';

const { config, host, begun } = workerData as DataSetup<Config>;
const port = parentPort!;
const { log, configure: configureLog } = createAgentLog(config.agent);
const meter = createMeter();
const patterns = createPatterns();
const send = (message: FromData) => port.postMessage(message);
const { now } = systemClock;

const letters = createLetters({
  directory: join(config.agent.state_dir, DEAD_LETTER_DIRECTORY),
  maxBytes: config.spool.dead_letter,
  host,
  log: log.room('dead letter'),
  meter,
  now,
});
const data = createData<Config>({
  collectors,
  exporters,
  host,
  begun,
  log,
  meter,
  now,
  patterns,
  daemons: createLookup({
    declared: config.daemons,
    root: config.agent.host_root,
    patterns,
    ...systemClock,
  }),
  refused: letters.keep,
  spoolDir: join(config.agent.state_dir, 'spool'),
});

const TICK_MS = 1000;
/** While figures move they are told twice as often. */
const MOVING_MS = TICK_MS / 2;
const reporter = createReporter();
function* families(): Iterable<Family> {
  yield* meter.families();
  yield* data.families();
}
let moving: NodeJS.Timeout | undefined;
const report = (): boolean => {
  data.refresh();
  const news = reporter(families(), data.faults());
  if (news) send({ type: 'report', report: news });
  return news !== undefined;
};
/** Where nothing happens, the thread wakes for this alone. */
const ticking = setInterval(() => {
  data.tick();
  if (report()) moving = setTimeout(report, MOVING_MS);
}, TICK_MS);

/** Messages are handled one after another: a stop waits for the reload before it. */
let turn = Promise.resolve();
const next = (work: () => Promise<void>) => {
  turn = turn.then(work);
};
const apply = (wanted: Config) =>
  next(async () => {
    configureLog(wanted.agent);
    await data.apply(wanted);
    report();
    send({ type: 'applied' });
  });

port.on('message', (message: ToData<Config>) => {
  if (message.type === 'events') for (const event of message.events) data.emit(event);
  else if (message.type === 'words') send({ type: 'words', words: data.lastWords(message.daemon) });
  else if (message.type === 'reopen') void data.reopen().then(() => log.info('output files are opened anew'));
  else if (message.type === 'apply') apply(message.config);
  else
    next(async () => {
      const clean = await data.stop(message.deadlineMs);
      await letters.close();
      clearInterval(ticking);
      clearTimeout(moving);
      report();
      send({ type: 'stopped', clean });
      port.close();
    });
});
apply(config);
next(async () => sweepHeap());

/** For tests: while this file is there, this thread stands still as a wedged disk would hold it. */
const stallFile = process.env['EUDAEMON_DEBUG_STALL'];
const STALL_MS = 50;
const stall = (file: string) => {
  if (!existsSync(file)) return;
  log.warn(`standing still while there is "${file}": EUDAEMON_DEBUG_STALL`);
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(file)) Atomics.wait(never, 0, 0, STALL_MS);
  log.warn('going on');
};
if (stallFile) setInterval(stall, STALL_MS, stallFile).unref();
