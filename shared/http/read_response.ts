import type { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";

/** Whose answer it is. */
export interface ReadResponseOptions {
  /** Name of the service, for the log. */
  readonly service: string;
}

/**
 * Reads a service's JSON answer, or undefined where there is no such resource (404).
 *
 * @throws {Problem} `upstream_unavailable` for 503, `upstream_bad_response` for any other status
 * than 200 and for content that does not fit
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

/** What the caller hears of an answer that nobody expected: 503 passes on, the rest is a fault. */
export function toResponseProblem({ status }: Response, { service }: ReadResponseOptions): Problem {
  const cause = new Error(`Service ${service} answered ${status}`);
  return new Problem(status === 503 ? "upstream_unavailable" : "upstream_bad_response", { cause });
}
