import type { Caller } from "./identify.ts";
import type { Revocation } from "./revocation.ts";
import type { CheckedRoute } from "./routes.ts";

/** How long a stream may go on that somebody was let see. */
export interface StreamLife {
  /** When the token ends that opened it, epoch milliseconds. */
  readonly endsAt: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Asks again whether the token still counts, each so many milliseconds; rejects when it does not. */
  readonly recheck?: { readonly everyMs: number; readonly check: () => Promise<unknown> };
}

/** Longer than this is no delay to the runtimes' timers. */
const maxDelayMs = 2_147_483_647;

/**
 * An event stream that ends with the access token that opened it; any other answer as it is.
 *
 * It ends as if the service had no more to say, so that the client asks again, with a token that
 * counts. A check that cannot be made ends it too: a route that asks for checks trusts nothing else.
 */
export function expireStream(response: Response, life: StreamLife): Response {
  if (!isEventStream(response) || response.body === null) return response;
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
    // The reader has left, and nobody is to be told any more.
    .catch(() => {})
    .finally(() => {
      clearTimeout(timer);
      clearInterval(checks);
    });
  return new Response(readable, response);
}

function isEventStream(response: Response): boolean {
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  return type === "text/event-stream";
}

/** Makes what has an event stream end with the token of its caller; anything else passes. */
export function createExpireStream(
  { revocation, now }: { readonly revocation: Revocation; readonly now: () => number },
): (
  response: Response,
  of: { readonly bearer: Caller; readonly route: Pick<CheckedRoute, "recheckMs"> },
) => Response {
  return function limit(response, { bearer, route: { recheckMs: everyMs } }) {
    if (bearer === "anonymous") return response;
    const check = () => revocation.check(bearer, "strict");
    const recheck = everyMs === undefined ? {} : { recheck: { everyMs, check } };
    return expireStream(response, { endsAt: bearer.exp * 1000, now, ...recheck });
  };
}
