import { currentContext } from "../context/request_context.ts";
import {
  isErrorNamed,
  Problem,
  type ProblemCode,
  problemMediaType,
  toProblemResponse,
} from "../problem.ts";
import { internalHeaders } from "../context/internal_headers.ts";
import type { Logger } from "../log.ts";
import { newTrace } from "../telemetry/trace_context.ts";

/** Errors that Hono itself throws, before the validation hook runs. */
const byStatus: Readonly<Record<number, ProblemCode>> = {
  400: "malformed_json",
  413: "payload_too_large",
  415: "unsupported_media_type",
};

/** Maps a thrown value to a problem; an unexpected one is `internal` and reveals nothing. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isErrorNamed(error, "StoreUnavailable")) {
    return new Problem("store_unavailable", { cause: error });
  }
  if (isHttpException(error)) {
    return new Problem(byStatus[error.status] ?? "internal", { cause: error });
  }
  return new Problem("internal", { cause: error });
}

/** No `instanceof`: the application may use another copy of Hono with its own `HTTPException`. */
function isHttpException(error: unknown): error is Error & { readonly status: number } {
  return error instanceof Error && "status" in error && typeof error.status === "number" &&
    "getResponse" in error && typeof error.getResponse === "function";
}

/**
 * Whether the app has already responded to an error: with problem details, or, for an error of the
 * app's own, with any status under 500. An existing app maps its own errors to its own responses.
 */
export function isResponseSent(error: unknown, response: Response): boolean {
  const isProblem = response.headers.get("content-type") === problemMediaType;
  return isProblem || (toProblem(error).code === "internal" && response.status < 500);
}

/** Returns a failure as problem details, and logs the cause, which the caller must not see. */
export function respondToError(error: unknown, log: Logger): Response {
  const problem = toProblem(error);
  if (problem.status >= 500) log.error(problem.title, { code: problem.code, cause: problem.cause });
  const traceId = currentContext()?.trace.traceId ?? newTrace().traceId;
  const response = toProblemResponse(problem, traceId);
  if (isFaultElsewhere(problem)) response.headers.set(internalHeaders.faultElsewhere, "1");
  return response;
}

/**
 * Callers' breakers must not open for a healthy service: one whose dependency is down, or one that
 * sheds load.
 */
function isFaultElsewhere({ code, status }: Problem): boolean {
  return status >= 500 && code !== "internal" && code !== "store_unavailable";
}
