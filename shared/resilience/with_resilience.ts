import { currentContext } from "../context/request_context.ts";
import { sentOnce, type Upstream } from "../composition/upstream.ts";
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
 * A call ends with the current request, and within its deadline. Only GET, HEAD, OPTIONS, PUT and
 * DELETE are ever repeated. For an upstream with its own headers; calls between services use the
 * client, which writes Passport and deadline anew for each attempt.
 *
 * Its `fetch` throws `upstream_timeout` or `upstream_unavailable`, the latter with `Retry-After`
 * when the call was refused unsent. Any other response, 5xx too, is returned.
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
