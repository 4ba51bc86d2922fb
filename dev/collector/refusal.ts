/** One invalid value, and where; an empty path is all of it. */
export interface RefusalDetail {
  readonly path: string;
  readonly message: string;
}

/** A request that the dashboard refuses; the message is its response. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What is invalid, path by path. */
  readonly details: readonly RefusalDetail[];

  constructor(
    status: number,
    reason: string,
    headers: Readonly<Record<string, string>> = {},
    details: readonly RefusalDetail[] = [],
  ) {
    super(reason);
    this.status = status;
    this.headers = headers;
    this.details = details;
  }
}

/** The response of a refusal: `{"error"}` with its reason, and `details` where there are any. */
export function toRefusalResponse({ status, message, headers, details }: Refusal): Response {
  const more = details.length === 0 ? {} : { details };
  return toJsonResponse({ error: message, ...more }, { status, headers });
}

/** JSON that must not be cached, and whose type must not be sniffed. */
export function toJsonResponse(
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
