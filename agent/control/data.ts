// The data worker as the main thread sees it: start, apply, report, stop. Its death is the agent's death.

import { Worker } from 'node:worker_threads';
import type { LastWord } from '../core/certificate.ts';
import type { AgentEvent } from '../core/collector.ts';
import type { Family } from '../core/metric.ts';
import type { DataSetup, FromData, ToData } from './messages.ts';
import { createReports } from './report.ts';

export interface DataThread<C> {
  /** Resolves when what can listen listens. */
  start(): Promise<void>;
  apply(config: C): Promise<void>;
  emit(event: AgentEvent): void;
  /** Output files are opened anew. */
  reopen(): void;
  /** The last log records of a declared daemon, oldest first; none once the worker has stopped. */
  lastWords(daemon: string): Promise<readonly LastWord[]>;
  /** As of the last report, at most a second old. */
  families(): readonly Family[];
  faults(): readonly string[];
  /** Resolves with whether all was closed and handed over cleanly, soon after the deadline at the latest. */
  stop(deadlineMs: number): Promise<boolean>;
}

/** Of the deadline that the worker was given: after that it is not asked any more. */
const PATIENCE = 1.1;

/** `entry` is the worker's module; `onDeath` is called when it ends without having been asked. */
export function createDataThread<C>(
  entry: URL,
  setup: DataSetup<C>,
  onDeath: (error: Error) => void,
): DataThread<C> {
  let worker: Worker | undefined;
  const reports = createReports();
  let faults: readonly string[] = [];
  let clean: boolean | undefined;
  const applied: (() => void)[] = [];
  const asked: ((words: readonly LastWord[]) => void)[] = [];
  let events: AgentEvent[] = [];
  const tell = (message: ToData<C>) => {
    flush();
    worker?.postMessage(message);
  };
  /** Waking the worker costs more than an event: those of one turn go together. */
  const flush = () => {
    if (events.length > 0) worker?.postMessage({ type: 'events', events } satisfies ToData<C>);
    events = [];
  };
  const nextApplied = () => new Promise<void>(resolve => applied.push(resolve));

  return {
    async start() {
      const listening = nextApplied();
      const failed = new Promise<never>((_, reject) => {
        worker = new Worker(entry, { workerData: setup, name: 'data' });
        worker.on('message', (message: FromData) => {
          if (message.type === 'report') {
            reports.take(message.report);
            faults = message.report.faults;
          } else if (message.type === 'applied') applied.shift()?.();
          else if (message.type === 'words') asked.shift()?.(message.words);
          else clean = message.clean;
        });
        worker.on('error', error => {
          reject(error);
          onDeath(error as Error);
        });
        worker.on('exit', code => {
          worker = undefined;
          for (const answer of asked.splice(0)) answer([]);
          if (clean === undefined) onDeath(new Error(`the data worker ended with code ${code}`));
        });
      });
      await Promise.race([listening, failed]);
    },
    async apply(config) {
      const done = nextApplied();
      tell({ type: 'apply', config });
      await done;
    },
    lastWords: daemon =>
      new Promise(answer => {
        if (!worker) return answer([]);
        asked.push(answer);
        tell({ type: 'words', daemon });
      }),
    reopen: () => tell({ type: 'reopen' }),
    emit(event) {
      if (events.push(event) === 1) queueMicrotask(flush);
    },
    families: () => reports.families,
    faults: () => faults,
    async stop(deadlineMs) {
      const ending = worker;
      if (!ending) return true;
      const exited = new Promise<void>(resolve => ending.once('exit', () => resolve()));
      tell({ type: 'stop', deadlineMs });
      // Whatever holds it up, the agent ends: its state on disk is that of a kill, which the next life takes up.
      const late = setTimeout(() => {
        clean = false;
        void ending.terminate();
      }, deadlineMs * PATIENCE);
      await exited;
      clearTimeout(late);
      return clean ?? false;
    },
  };
}
