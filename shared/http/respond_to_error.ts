import { currentContext } from "../context.ts";
import { isErrorNamed } from "../error_name.ts";
import { internalHeaders } from "../internal_headers.ts";
import type { Logger } from "../log.ts";
import { Problem, type ProblemCode, problemMediaType, toProblemResponse } from "../problem.ts";
import { newTrace } from "../trace_context.ts";

/** What Hono itself throws, before a hook of ours is asked. */
const byStatus: Readonly<Record<number, ProblemCode>> = {
  400: "malformed_json",
  413: "payload_too_large",
  415: "unsupported_media_type",
};

/** The problem a thrown value stands for; what nobody foresaw is `internal` and tells nothing. */
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

/** An application's Hono may be another copy than ours, with an `HTTPException` of its own. */
function isHttpException(error: unknown): error is Error & { readonly status: number } {
  return error instanceof Error && "status" in error && typeof error.status === "number" &&
    "getResponse" in error && typeof error.getResponse === "function";
}

/**
 * Tells whether an app answered an error already: by problem details, or, where the error is none of
 * ours, by anything under 500. An app from before has its own errors, and knows what they mean.
 */
export function isResponseSent(error: unknown, response: Response): boolean {
  const isProblem = response.headers.get("content-type") === problemMediaType;
  return isProblem || (toProblem(error).code === "internal" && response.status < 500);
}

/** Answers a failure as problem details and logs what the caller must not see. */
export function respondToError(error: unknown, log: Logger): Response {
  const problem = toProblem(error);
  if (problem.status >= 500) log.error(problem.title, { code: problem.code, cause: problem.cause });
  const traceId = currentContext()?.trace.traceId ?? newTrace().traceId;
  const response = toProblemResponse(problem, traceId);
  if (isFaultElsewhere(problem)) response.headers.set(internalHeaders.faultElsewhere, "1");
  return response;
}

/**
 * Callers' breakers must not shut out a service that is well: one whose dependency is down, or that
 * turns some work away to go on with the rest.
 */
function isFaultElsewhere({ code, status }: Problem): boolean {
  return status >= 500 && code !== "internal" && code !== "store_unavailable";
}
