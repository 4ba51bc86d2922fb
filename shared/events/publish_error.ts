/** A failed call to QStash, and how the caller has to react. */
export class PublishError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "PublishError";
  /**
   * `refused`: QStash will never accept this request. `unauthorized`: it accepts no request with
   * this token. `missing`: the resource does not exist. `away`: retry later.
   */
  readonly kind: "refused" | "unauthorized" | "missing" | "away";
  /** Delay before the next attempt, if QStash sent `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  /** Stores the original error as `cause`. */
  constructor(
    kind: PublishError["kind"],
    message: string,
    { retryAfterMs, cause }: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Maps an error response of QStash to a `PublishError`. */
export function toPublishError(response: Response, now: number): PublishError {
  const { status } = response;
  const message = `QStash answered ${status}`;
  if (status === 400 || status === 413) return new PublishError("refused", message);
  if (status === 401 || status === 403) return new PublishError("unauthorized", message);
  if (status === 404) return new PublishError("missing", message);
  return new PublishError("away", message, {
    retryAfterMs: readRetryAfter(response.headers.get("retry-after"), now),
  });
}

/** Milliseconds of a `Retry-After`, seconds or a date (RFC 9110 §10.2.3). */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
