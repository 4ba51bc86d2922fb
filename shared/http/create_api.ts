import { type Hook, OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import type { PassportEnv } from "./edgepass.ts";

export type { PassportEnv };

/** An app whose routes carry their schemas. */
export type ServiceApp = OpenAPIHono<PassportEnv>;

/** Input that does not fit is `validation_failed`, field by field; an id nobody can have, 404. */
const refuseMisfits: Hook<unknown, PassportEnv, string, unknown> = (result) => {
  if (result.success) return;
  if (result.target === "param") throw new Problem("not_found");
  throw new Problem("validation_failed", {
    details: result.error.issues.map(({ path, message, code }) => ({
      path: path.map(String).join("."),
      message: code === "unrecognized_keys" ? "Unknown field" : message,
    })),
  });
};

/** A set of routes, to be mounted in a service. */
export function createApi(): ServiceApp {
  return new OpenAPIHono<PassportEnv>({ defaultHook: refuseMisfits });
}
