import { bodyLimit } from "hono/body-limit";
import { type Hook, OpenAPIHono, type z } from "@hono/zod-openapi";
import { currentContext, internalHeaders } from "../context/request_context.ts";
import type { Logger } from "../log.ts";
import type { Passport } from "../passport/mod.ts";
import {
  isErrorNamed,
  Problem,
  type ProblemCode,
  type ProblemDetail,
  problemMediaType,
  toProblemResponse,
} from "../problem.ts";
import { newTrace } from "../telemetry/trace_context.ts";

/** The variables that `requirePassport` sets on `c.var`. */
export type PassportEnv = { Variables: { passport: Passport } };

/**
 * What a context of any copy of Hono 4 has. The type `Context` of one copy has members with private
 * symbols, so an application with another copy, even of the same version, would not type-check.
 */
export interface AnyContext {
  /** The request. */
  readonly req: {
    readonly raw: Request;
    readonly method: string;
    readonly path: string;
    /** The pattern of the matched route, in versions that have it. */
    readonly routePath?: unknown;
    header(name: string): string | undefined;
  };
  /** The response so far. */
  res: Response;
  /** What a handler has thrown. */
  readonly error: Error | undefined;
  /** Sets a header of the response. */
  header(name: string, value: string): void;
  /** Sets a variable for the handlers. */
  set(key: string, value: unknown): void;
}

/** An app whose routes have OpenAPI schemas. */
export type ServiceApp = OpenAPIHono<PassportEnv>;

/** Invalid input is `validation_failed` with one detail per field; an impossible id is 404. */
const refuseInvalidInput: Hook<unknown, PassportEnv, string, unknown> = (result) => {
  if (result.success) return;
  if (result.target === "param") throw new Problem("not_found");
  throw new Problem("validation_failed", {
    details: result.error.issues.flatMap(toDetails),
  });
};

/** Limits the size of the response for a body with very many unknown fields. */
const maxNamedUnknowns = 10;

function toDetails(issue: z.core.$ZodIssue): ProblemDetail[] {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") return [{ path: path.join("."), message: issue.message }];
  return issue.keys.slice(0, maxNamedUnknowns).map((key) => ({
    // A key that is not a plain name is not echoed: the client controls its text.
    path: [...path, ...(/^[\w-]{1,64}$/.test(key) ? [key] : [])].join("."),
    message: "Unknown field",
  }));
}

/** Creates a set of routes, to be mounted in a service. */
export function createApi(): ServiceApp {
  return new OpenAPIHono<PassportEnv>({ defaultHook: refuseInvalidInput });
}

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

/** Limits the body size for requests that bypass the gateway; larger is `payload_too_large`. */
export function limitBody(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Problem("payload_too_large");
    },
  });
}
