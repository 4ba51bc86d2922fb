/** Every public failure: code → HTTP status and title. A code, once shipped, keeps its meaning. */
const catalogue = {
  malformed_json: [400, "Body is not valid JSON"],
  path_not_canonical: [400, "Request target is not in canonical form"],
  authentication_required: [401, "Authentication required"],
  token_invalid: [401, "Token is not valid"],
  token_expired: [401, "Token has expired"],
  token_revoked: [401, "Token has been revoked"],
  ambiguous_credentials: [401, "More than one credential was presented"],
  refresh_invalid: [401, "Refresh token is not valid"],
  refresh_reused: [401, "Refresh token was used before"],
  credentials_invalid: [401, "E-mail or password is wrong"],
  passport_required: [401, "Passport required"],
  passport_invalid: [401, "Passport is not valid"],
  event_signature_invalid: [401, "Event is not signed by QStash for this address"],
  csrf_rejected: [403, "Request comes from another origin"],
  forbidden: [403, "Not allowed"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  request_timeout: [408, "Request body took too long"],
  conflict: [409, "Conflicts with the present state"],
  email_taken: [409, "E-mail address is taken"],
  payload_too_large: [413, "Body is too large"],
  uri_too_long: [414, "Request target is too long"],
  unsupported_media_type: [415, "Media type is not supported"],
  misdirected_request: [421, "Not a host of this gateway"],
  validation_failed: [422, "Input does not fit"],
  rate_limited: [429, "Too many requests"],
  headers_too_large: [431, "Headers are too large"],
  event_unusable: [489, "Event will never be usable"],
  client_closed_request: [499, "Client left before its request was answered"],
  internal: [500, "Internal error"],
  upstream_bad_response: [502, "A service gave an unusable answer"],
  upstream_unavailable: [503, "A service is not available"],
  revocation_unavailable: [503, "Revocation cannot be checked at present"],
  store_unavailable: [503, "A store is not available"],
  event_postponed: [503, "Event has to come again later"],
  upstream_timeout: [504, "A service took too long"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

/** Stable name of a failure, as clients see it in `code`. */
export type ProblemCode = keyof typeof catalogue;

/** One invalid field; `path` is dotted, empty for the body itself. */
export interface ProblemDetail {
  /** Dotted path of the field. */
  readonly path: string;
  /** The fault, without the value. */
  readonly message: string;
}

/** Optional members of a problem. */
export interface ProblemOptions {
  /** Shown to the caller. */
  readonly detail?: string;
  /** Shown to the caller, field by field. */
  readonly details?: readonly ProblemDetail[];
  /** Response headers that the refusal needs, for example `retry-after` and `allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Only logged. */
  readonly cause?: unknown;
  /**
   * Why a token was refused, for operators: span, log line and metric have it. No response does, or
   * an attacker could learn which check a forged token has passed.
   */
  readonly reason?: string | undefined;
  /** The issuer's alias beside `reason`, once the issuer is known. */
  readonly issuer?: string | undefined;
}

/** Media type of problem details (RFC 9457 §3). */
export const problemMediaType = "application/problem+json";

/** A failure the caller may see (RFC 9457). `detail` is shown to the caller, `cause` only logged. */
export class Problem extends Error {
  /** Identifies the error across copies of this module. */
  override readonly name = "Problem";
  /** The stable name. */
  readonly code: ProblemCode;
  /** The HTTP status. */
  readonly status: number;
  /** The meaning of the code, the same each time. */
  readonly title: string;
  /** The meaning in this case; shown to the caller. */
  readonly detail: string | undefined;
  /** The invalid fields. */
  readonly details: readonly ProblemDetail[];
  /** Headers that the response needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Why a token was refused; never in a response. */
  readonly reason: string | undefined;
  /** The alias of the issuer of the refused token; never in a response. */
  readonly issuer: string | undefined;

  /**
   * Checks the shape and not the class: two copies of this module may be loaded, and a Problem that
   * one throws would be an unknown error (500) to the other.
   */
  static override [Symbol.hasInstance](value: unknown): value is Problem {
    return value instanceof Error && value.name === "Problem" && hasProblemShape(value);
  }

  /** Creates the failure of a code. */
  constructor(
    code: ProblemCode,
    { detail, details = [], headers = {}, cause, reason, issuer }: ProblemOptions = {},
  ) {
    const [status, title] = catalogue[code];
    super(detail ?? title, { cause });
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.details = details;
    this.headers = headers;
    this.reason = reason;
    this.issuer = issuer;
  }
}

function hasProblemShape(error: object): boolean {
  return "code" in error && typeof error.code === "string" &&
    "status" in error && typeof error.status === "number" &&
    "title" in error && typeof error.title === "string" &&
    "details" in error && Array.isArray(error.details) &&
    "headers" in error && typeof error.headers === "object" && error.headers !== null;
}

/** Every code with its status and title, for documents and for mapping an upstream's response. */
export const problemCodes: Readonly<
  Record<ProblemCode, readonly [status: number, title: string]>
> = catalogue;

/** Whether a text is one of the codes. */
export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === "string" && Object.hasOwn(catalogue, value);
}

/** The problem details document of a failure (RFC 9457 §3.1). */
export function toProblemDocument(problem: Problem, traceId: string): Record<string, unknown> {
  return {
    type: `urn:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    code: problem.code,
    traceId,
    ...(problem.details.length === 0 ? {} : { errors: problem.details }),
  };
}

/** A failure as a complete response: problem details, never cached. */
export function toProblemResponse(problem: Problem, traceId: string): Response {
  return new Response(JSON.stringify(toProblemDocument(problem, traceId)), {
    status: problem.status,
    headers: {
      "content-type": problemMediaType,
      "cache-control": "no-store",
      ...defaultHeaders(problem),
      ...problem.headers,
    },
  });
}

/** The headers every refusal of a status carries (RFC 9110 §11.6.1, §10.2.3). */
export function defaultHeaders(problem: Problem): Record<string, string> {
  if (problem.status === 401) return { "www-authenticate": "Bearer" };
  if (problem.status === 429 || problem.status === 503) return { "retry-after": "1" };
  return {};
}

/**
 * Identifies an error by its name: its class may come from another copy of the module. Then
 * `instanceof` would fail, and an expected failure would be handled as an unknown one.
 */
export function isErrorNamed(value: unknown, name: string): value is Error {
  return value instanceof Error && value.name === name;
}
