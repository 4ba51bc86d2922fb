import { currentContext } from "../context.ts";
import { sentOnce, type Upstream } from "../upstream.ts";
import type { ResilienceEffects } from "./effects.ts";
import type { Policy } from "./policy.ts";
import { createResilience } from "./resilience.ts";

/** How an upstream is called. */
export interface WithResilienceOptions extends ResilienceEffects {
  /** Read at each call. */
  readonly policy: () => Policy;
}

/**
 * The same upstream behind a breaker, a bulkhead, a time limit and retries.
 *
 * A call ends with the request that is being served, and within its deadline. Only GET, HEAD, OPTIONS,
 * PUT and DELETE are ever sent again. For an upstream that gets headers of its own; calls between
 * services go through the client, which writes Passport and deadline anew for each attempt.
 *
 * Its `fetch` throws `upstream_timeout` or `upstream_unavailable`, the latter with `Retry-After` where
 * the call was refused unmade. Any other answer, 5xx too, is handed back.
 */
export function withResilience(upstream: Upstream, options: WithResilienceOptions): Upstream {
  const { name } = upstream;
  const { epochNow = Date.now } = options;
  const resilience = createResilience({ ...options, name });
  return {
    name,
    fetch(target, init = {}) {
      const { signal, deadline } = currentContext() ?? {};
      const signals = [signal, init.signal].filter((one) => one instanceof AbortSignal);
      const call = {
        ...init,
        signal: AbortSignal.any(signals),
        remainingMs: () => deadline === undefined ? undefined : deadline - epochNow(),
      };
      const sent = sentOnce(init);
      return resilience.run(
        call,
        (attempt) => upstream.fetch(target, { ...sent, signal: attempt.signal }),
      );
    },
  };
}
