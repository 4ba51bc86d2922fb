import type { AccessToken } from "@edgepass/shared/tokens";
import type { Caller } from "../credentials.ts";
import type { CheckedRoute } from "../routes.ts";
import { isEventStream } from "./body.ts";

/** How long an event stream may last. */
export interface StreamLife {
  /** When the token that opened it expires, in epoch milliseconds. */
  readonly endsAt: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /**
   * Checks every `everyMs` milliseconds that the token is still valid; `check` rejects when it is
   * not.
   */
  readonly recheck?: { readonly everyMs: number; readonly check: () => Promise<unknown> };
}

/** The longest delay of the runtimes' timers: a longer one would fire at once. */
const maxDelayMs = 2_147_483_647;

/**
 * Ends an event stream when the access token that opened it expires; any other response stays as it
 * is.
 *
 * It ends like a completed stream, so that the client reconnects with a valid token. A check that
 * cannot be made ends it too (fail closed): a revoked token must not keep reading during an outage.
 */
export function expireStream(response: Response, life: StreamLife): Response {
  if (!isEventStream(response.headers) || response.body === null) return response;
  const { endsAt, now, recheck } = life;
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, Math.min(maxDelayMs, Math.max(0, endsAt - now())));
  const checks = recheck && setInterval(() => {
    recheck.check().catch(end);
  }, recheck.everyMs);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  response.body.pipeTo(writable, { signal: over.signal, preventAbort: true })
    .catch((cause) => over.signal.aborted ? writable.close() : writable.abort(cause))
    // The client has disconnected: there is no reader left to get the error.
    .catch(() => {})
    .finally(() => {
      clearTimeout(timer);
      clearInterval(checks);
    });
  return new Response(readable, response);
}

/** Ends event streams with the caller's token; other responses pass unchanged. */
export type ExpireStream = (
  response: Response,
  of: { readonly caller: Caller; readonly route: Pick<CheckedRoute, "recheckMs"> },
) => Response;

/** Makes that step; `recheck` rejects once the token is revoked, or cannot be checked. */
export function createExpireStream(
  { recheck, now }: {
    readonly recheck: (token: AccessToken) => Promise<unknown>;
    readonly now: () => number;
  },
): ExpireStream {
  return function limit(response, { caller, route: { recheckMs: everyMs } }) {
    if (caller === "anonymous") return response;
    const check = () => recheck(caller);
    const rechecks = everyMs === undefined ? {} : { recheck: { everyMs, check } };
    return expireStream(response, { endsAt: caller.exp * 1000, now, ...rechecks });
  };
}
