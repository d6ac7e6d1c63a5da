// The OTLP backend as end-to-end tests see it: one address that can go away and come back, and what arrived there.
import { onTestFinished } from 'vitest';
import { type Behaviour, type ReceivedRecord, startReceiver } from '../receiver.ts';
import { until } from './until.ts';

export interface Backend {
  /** Options of `exporters.otlp`: logs to this backend. */
  readonly exporter: { endpoint: string; metrics: false };
  /** Log records and events that arrived, over all its lives. */
  all(): ReceivedRecord[];
  /** Bodies of log records without an event name, sorted by the numbers in them. */
  bodies(): string[];
  /** Those that came since the last call, which are then forgotten. */
  drain(): ReceivedRecord[];
  /** The first record that fits. */
  record(fits: (record: ReceivedRecord) => boolean, timeoutMs?: number): Promise<ReceivedRecord>;
  /** The first `times` requests of logs are answered like this, the rest accepted. */
  behave(behaviour: Behaviour, times?: number): void;
  close(): Promise<void>;
  /** Listens again on the address it had. */
  open(): Promise<void>;
}

const numerically = new Intl.Collator('en', { numeric: true }).compare;

export async function startBackend(): Promise<Backend> {
  const lives = [await startReceiver()];
  const { url, port } = lives[0]!;
  const now = () => lives.at(-1)!;
  onTestFinished(() => now().close());
  const all = () => lives.flatMap(life => life.records);
  return {
    exporter: { endpoint: url, metrics: false },
    all,
    bodies: () =>
      all()
        .filter(record => record.eventName === '')
        .map(record => String(record.body))
        .sort(numerically),
    drain: () =>
      lives.flatMap(life => {
        life.requests.length = 0;
        return life.records.splice(0);
      }),
    record: (fits, timeoutMs) =>
      until(
        'the record arrives',
        async () => {
          // Rejects when something came that is not OTLP.
          await now().waitFor(() => true);
          return all().find(fits);
        },
        { timeoutMs },
      ),
    behave(behaviour, times = Infinity) {
      let left = times;
      now().behave(() => (left-- > 0 ? behaviour : undefined));
    },
    close: () => now().close(),
    async open() {
      lives.push(await startReceiver(port));
    },
  };
}
