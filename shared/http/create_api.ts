import { type Hook, OpenAPIHono, type z } from "@hono/zod-openapi";
import { Problem, type ProblemDetail } from "../problem.ts";
import type { PassportEnv } from "./require_passport.ts";

export type { PassportEnv };

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
