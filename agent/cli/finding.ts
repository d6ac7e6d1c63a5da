// What `eudaemon check` finds beside the configuration itself.

export interface Finding {
  readonly what: string;
  readonly fix?: string;
  /** What stays unseen; without it the finding is a note that costs no data. */
  readonly costs?: string;
}

export type Env = Readonly<Record<string, string | undefined>>;
