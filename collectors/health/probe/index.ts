// A check as something that can be tried: which probe it is, and its deadline.

import { join } from 'node:path';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import { causeOf, SetupError } from '../../../agent/core/errors.ts';
import type { Patterns } from '../../../agent/core/pattern.ts';
import { parseAddress } from './connect.ts';
import { exchangeProbe } from './exchange.ts';
import { execProbe } from './exec.ts';
import { grpcProbe } from './grpc.ts';
import { httpProbe } from './http.ts';
import type { Outcome, Probe } from './outcome.ts';

interface Surroundings {
  readonly root: string;
  readonly patterns: Patterns;
}

/**
 * One look at a daemon, ended by the check's timeout at the latest: what fails is an outcome. Rejects only when `stop`
 * aborts, or with SetupError when the check cannot be made here at all.
 */
export function createAttempt(check: CheckSpec, room: Surroundings): (stop: AbortSignal) => Promise<Outcome> {
  const probe = prepare(check, room);
  return async stop => {
    const deadline = new AbortController();
    // Unlike AbortSignal.timeout() it keeps a process alive that waits for nothing else.
    const timer = setTimeout(() => deadline.abort(), check.timeout);
    try {
      const outcome = await probe(AbortSignal.any([stop, deadline.signal]));
      stop.throwIfAborted();
      return outcome;
    } catch (error) {
      if (stop.aborted || error instanceof SetupError) throw error;
      return {
        ok: false,
        ...(deadline.signal.aborted
          ? { message: `no answer within ${check.timeout} ms`, timedOut: true as const }
          : { message: causeOf(error) }),
      };
    } finally {
      clearTimeout(timer);
    }
  };
}

/** A check written in a way that cannot work fails, with the reason, like any other. */
function prepare(check: CheckSpec, room: Surroundings): Probe {
  try {
    return choose(check, room);
  } catch (error) {
    return () => Promise.reject(error);
  }
}

function choose(check: CheckSpec, { root, patterns }: Surroundings): Probe {
  const expect = check.expect === undefined ? undefined : patterns.regex(check.expect);
  if (check.http !== undefined) return httpProbe(check, expect);
  if (check.tcp !== undefined) return exchangeProbe(parseAddress(check.tcp), check, expect);
  if (check.unix !== undefined) return exchangeProbe({ path: join(root, check.unix) }, check, expect);
  if (check.exec !== undefined) return execProbe(check, root);
  return grpcProbe(check);
}
