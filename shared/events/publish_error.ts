/** Why QStash did not do as it was asked, and what follows from it. */
export class PublishError extends Error {
  /** Tells it from other errors. */
  override readonly name = "PublishError";
  /**
   * `refused`: the same will never be taken; `unauthorized`: nothing is; `missing`: what it names
   * is not there; `away`: later.
   */
  readonly kind: "refused" | "unauthorized" | "missing" | "away";
  /** When to come back, where QStash said so. */
  readonly retryAfterMs: number | undefined;

  /** Keeps what happened as `cause`. */
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

/** What a refusal of QStash means for what it refused. */
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
