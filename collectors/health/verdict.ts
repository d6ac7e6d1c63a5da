// Turns single outcomes into a verdict that does not flap. Pure.

export interface Verdict {
  readonly healthy: boolean;
  /** Outcomes in a row that speak against `healthy`. */
  readonly against: number;
}

/**
 * The first outcome is the verdict. After it, `failures` bad ones in a row turn it to unhealthy and `successes`
 * good ones back; an outcome that agrees with the verdict starts the count again.
 */
export function judge(
  before: Verdict | undefined,
  ok: boolean,
  rule: { readonly failures: number; readonly successes: number },
): Verdict {
  if (before === undefined || before.healthy === ok) return { healthy: ok, against: 0 };
  const against = before.against + 1;
  return against >= (ok ? rule.successes : rule.failures)
    ? { healthy: ok, against: 0 }
    : { healthy: before.healthy, against };
}
