// What somebody should know of a daemon: that it is in trouble, and that it is so no more. Times in Unix ms.

export interface Alert {
  /** As the rules of config/prometheus/alerts.yaml call it. */
  readonly name: string;
  readonly daemon: string;
  readonly severity: 'critical' | 'warning';
  /** The daemon's own, and `check` or `expectation` where it is about one. */
  readonly labels: Readonly<Record<string, string>>;
  /** One sentence. */
  readonly summary: string;
  readonly startsAt: number;
  /** Undefined while it lasts. */
  readonly endsAt?: number;
}

/** Somebody who is told. */
export interface AlertTarget {
  /** Label; none has another's. */
  readonly name: string;
  /** What lasts is told again so often, ms, where the target would take it for over. */
  readonly repeatMs?: number;
  /** One attempt. Throws RetryLater. */
  tell(alert: Alert, signal: AbortSignal): Promise<void>;
}

/** Main thread. */
export interface AlertExporter {
  /** What does not last so long, ms, is no trouble. */
  readonly afterMs: number;
  readonly targets: readonly AlertTarget[];
}
