import type { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";

/** Options of {@link readResponse}. */
export interface ReadResponseOptions {
  /** Name of the service, for the log. */
  readonly service: string;
}

/**
 * Reads a service's JSON response; undefined if the resource does not exist (404).
 *
 * @throws {Problem} `upstream_unavailable` for 503, `upstream_bad_response` for any other status
 * than 200 and for content that does not fit the schema
 */
export async function readResponse<Schema extends z.ZodType>(
  response: Response,
  schema: Schema,
  { service }: ReadResponseOptions,
): Promise<z.output<Schema> | undefined> {
  if (response.status !== 200) {
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    throw toResponseProblem(response, { service });
  }
  const content: unknown = await response.json().catch(() => undefined);
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new Problem("upstream_bad_response", { cause: result.error });
}

/** The problem for an unexpected response: a 503 is passed on, any other status is a fault. */
export function toResponseProblem({ status }: Response, { service }: ReadResponseOptions): Problem {
  const cause = new Error(`Service ${service} answered ${status}`);
  return new Problem(status === 503 ? "upstream_unavailable" : "upstream_bad_response", { cause });
}
