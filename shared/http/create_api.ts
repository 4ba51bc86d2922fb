import { type Hook, OpenAPIHono, type z } from "@hono/zod-openapi";
import { Problem, type ProblemDetail } from "../problem.ts";
import type { PassportEnv } from "./require_passport.ts";

export type { PassportEnv };

/** An app whose routes carry their schemas. */
export type ServiceApp = OpenAPIHono<PassportEnv>;

/** Input that does not fit is `validation_failed`, field by field; an id nobody can have, 404. */
const refuseMisfits: Hook<unknown, PassportEnv, string, unknown> = (result) => {
  if (result.success) return;
  if (result.target === "param") throw new Problem("not_found");
  throw new Problem("validation_failed", {
    details: result.error.issues.flatMap(toDetails),
  });
};

/** More unknown fields than this are a mistake of another kind, and would be a long answer. */
const maxNamedUnknowns = 10;

function toDetails(issue: z.core.$ZodIssue): ProblemDetail[] {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") return [{ path: path.join("."), message: issue.message }];
  return issue.keys.slice(0, maxNamedUnknowns).map((key) => ({
    // What is no name is not said again: the client chose it.
    path: [...path, ...(/^[\w-]{1,64}$/.test(key) ? [key] : [])].join("."),
    message: "Unknown field",
  }));
}

/** A set of routes, to be mounted in a service. */
export function createApi(): ServiceApp {
  return new OpenAPIHono<PassportEnv>({ defaultHook: refuseMisfits });
}
