import {
  defaultHeaders,
  isProblemCode,
  type Problem,
  problemCodes,
  problemMediaType,
  toProblemDocument,
} from "@edgepass/shared/problem";

/** What the client gets of a failure, in either form. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: readonly unknown[];
}

/** A refusal by the gateway itself, in the form the client accepts. */
export function refusalResponse(
  problem: Problem,
  { traceId, asProblem }: { traceId: string; asProblem: boolean },
): Response {
  const headers = new Headers({ ...defaultHeaders(problem), ...problem.headers });
  headers.set("cache-control", "no-store");
  if (asProblem) {
    headers.set("content-type", problemMediaType);
    const body = JSON.stringify(toProblemDocument(problem, traceId));
    return new Response(body, { status: problem.status, headers });
  }
  const { status, code, detail, title, details } = problem;
  return envelope({ status, code, message: detail ?? title, details }, headers, traceId);
}

/**
 * A service's failure, in the form the client accepts; `headers` are those of the client's
 * response.
 */
export function failureResponse(
  failure: Failure,
  headers: Headers,
  { traceId, asProblem }: { traceId: string; asProblem: boolean },
): Response {
  const mayRetry = failure.status === 429 || failure.status === 503;
  if (mayRetry && !headers.has("retry-after")) headers.set("retry-after", "1");
  return asProblem
    ? problemDetails(failure, headers, traceId)
    : envelope(failure, headers, traceId);
}

function envelope(failure: Failure, headers: Headers, traceId: string): Response {
  const { status, code, message, details } = failure;
  const error = details.length === 0 ? { code, message } : { code, message, details };
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify({ success: false, error, traceId }), { status, headers });
}

function problemDetails(failure: Failure, headers: Headers, traceId: string): Response {
  const { status, code, message, details } = failure;
  headers.set("content-type", problemMediaType);
  const body = {
    type: `urn:problem:${code}`,
    title: isProblemCode(code) ? titleOf(code) : message,
    status,
    detail: message,
    code,
    traceId,
    ...(details.length === 0 ? {} : { errors: details }),
  };
  return new Response(JSON.stringify(body), { status, headers });
}

const codePattern = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Reads problem details, or the JSON error format of an external service.
 *
 * The text of a server error reaches the client only from problem details, which are written for
 * clients; any other form may leak a stack trace or a query.
 */
export function readFailure(status: number, mediaType: string, body: unknown): Failure {
  const fields = typeof body === "object" && body !== null ? body : {};
  const code = member(fields, "code");
  const safeCode = typeof code === "string" && codePattern.test(code) ? code : codeOf(status);
  if (status >= 500 && mediaType !== problemMediaType) {
    return { status, code: safeCode, message: titleOf(safeCode), details: [] };
  }
  const texts = ["detail", "message", "title", "error"].map((name) => member(fields, name));
  const message = texts.find((text) => typeof text === "string" && text !== "");
  const details = ["errors", "details"].map((name) => member(fields, name)).find(Array.isArray);
  return {
    status,
    code: safeCode,
    message: typeof message === "string" ? message : titleOf(safeCode),
    details: details && isShallow(details, maxDetailDepth) ? details : [],
  };
}

/** Deeper details are left out: serializing thousands of levels would overflow the stack. */
const maxDetailDepth = 64;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

/** Own members only, so that no name reaches a prototype. */
function member(fields: object, name: string): unknown {
  return Object.hasOwn(fields, name) ? Reflect.get(fields, name) : undefined;
}

/** Where several codes share a status, the one that reveals least about the cause. */
const genericCodes: Readonly<Record<number, string>> = {
  400: "validation_failed",
  401: "authentication_required",
  403: "forbidden",
};

/** The code for a status where the service names none. */
function codeOf(status: number): string {
  const [first] = Object.entries(problemCodes).find(([, [ofCode]]) => ofCode === status) ?? [];
  return genericCodes[status] ?? first ??
    (status >= 500 ? "upstream_bad_response" : "validation_failed");
}

function titleOf(code: string): string {
  return isProblemCode(code) ? problemCodes[code][1] : "Request was refused";
}
