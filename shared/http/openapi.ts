import { z } from "@hono/zod-openapi";
import { type ProblemCode, problemCodes, problemMediaType } from "../problem.ts";
import type { FallbackResult } from "../resilience/fallback.ts";
import type { AnyContext } from "./api.ts";

/** Problem details as services return them (RFC 9457). */
export const ProblemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  traceId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
}).openapi("Problem");

const exampleCursor = "WyIwMTkzNmY3ZS04YzJhLTdiM2QtOWU0Zi01YTZiN2M4ZDllMGYiXQ";

/** The query of a list: `limit` 1 to 100 (default 20), and the cursor of the page before. */
export const ListQuery = z.object({
  limit: z.preprocess(toInteger, z.int().min(1).max(100)).default(20)
    .openapi({ type: "integer", minimum: 1, maximum: 100, default: 20, example: 20 }),
  cursor: z.string().max(512).optional().openapi({ example: exampleCursor }),
});
/** Number() alone reads "1e1", "0x10" and " 5" as well, and "" as 0. */
function toInteger(text: unknown): unknown {
  return typeof text === "string" && /^\d+$/.test(text) ? Number(text) : text;
}

/** The query of a list, read. */
export type ListQuery = z.infer<typeof ListQuery>;

/** A page of a list; `nextCursor` is null on the last one. */
export function list<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().openapi({ example: exampleCursor }),
  });
}

/** A required JSON request body; an optional one would reach the handler as `{}`. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { body: { required: true, content: { "application/json": { schema } } } } as const;
}

/** The header that makes a creation repeatable; spread it into a route's `request`. */
export const idempotencyKey = {
  headers: z.object({
    "idempotency-key": z.string().optional().openapi({
      description:
        "Names this creation: a repetition within 24 hours gets the first one's answer, " +
        "another body under the same name is refused",
      example: "9f1c2f6e-6a3c-4a57-9f0e-0f2a3d1b7c55",
    }),
  }),
} as const;

/** A JSON response. */
export function jsonResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } } as const;
}

/** A JSON response that `markFallback` marks if it is not live. */
export function fallbackResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  const headers = {
    "X-Fallback": {
      description: "On an answer that is not live: `cache; age=<seconds>` or `default`",
      schema: { type: "string", example: "cache; age=12" },
    },
  } as const;
  return { ...jsonResponse(description, schema), headers } as const;
}

/** A JSON response that browsers save under a name, set by `asAttachment`. */
export function attachmentResponse<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  filename: string,
) {
  const headers = {
    "content-disposition": {
      description: "`attachment`, for a browser to save it",
      schema: { type: "string", example: toDisposition(filename) },
    },
  } as const;
  return { ...jsonResponse(description, schema), headers } as const;
}

/** Makes browsers save the response under a name of visible ASCII. */
export function asAttachment(c: Pick<AnyContext, "header">, filename: string): void {
  c.header("content-disposition", toDisposition(filename));
}

function toDisposition(filename: string): string {
  return `attachment; filename="${filename}"`;
}

/** A response without content. */
export function noContent(description: string) {
  return { description } as const;
}

/** Problems of every operation with a JSON body. */
export const bodyProblems = [
  "malformed_json",
  "payload_too_large",
  "unsupported_media_type",
  "validation_failed",
] as const satisfies readonly ProblemCode[];

/** Problems of every operation that calls another service. */
export const callProblems = [
  "upstream_bad_response",
  "upstream_unavailable",
  "upstream_timeout",
] as const satisfies readonly ProblemCode[];

/** An operation's problems, as OpenAPI responses by status. */
export function problems(...codes: readonly ProblemCode[]) {
  const byStatus = Map.groupBy(codes, (code) => problemCodes[code][0]);
  return Object.fromEntries(
    Array.from(byStatus, ([status, group]) => [status, {
      description: group.map((code) => `\`${code}\`: ${problemCodes[code][1]}`).join("; "),
      content: { [problemMediaType]: { schema: ProblemDocument } },
      "x-codes": group,
    }]),
  );
}

// deno-lint-ignore no-control-regex -- control characters are what these refuse
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// deno-lint-ignore no-control-regex -- tab and line breaks belong to prose, the others do not
const controlsInProse = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** One line of user text, trimmed and without control characters, safe for terminals and logs. */
export function line(maxLength: number) {
  return z.string().trim().min(1).max(maxLength).refine(
    (text) => !controls.test(text) && text.isWellFormed(),
    "Must be one line of text",
  );
}

/** User text of several lines, not trimmed and not blank. */
export function prose(maxLength: number) {
  return z.string().min(1).max(maxLength).refine(
    (text) => text.trim() !== "" && !controlsInProse.test(text) && text.isWellFormed(),
    "Must be text",
  );
}

/** Methods that change nothing (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Marks a response that is not live: `X-Fallback: cache; age=12` or `default`. A live response has
 * no such header.
 *
 * @throws {TypeError} for an unsafe method: a change has no fallback
 */
export function markFallback(
  c: Pick<AnyContext, "req" | "header">,
  { source, ageSeconds }: Pick<FallbackResult<unknown>, "source" | "ageSeconds">,
): void {
  if (!safe.has(c.req.method)) {
    throw new TypeError(`Cannot mark a fallback: ${c.req.method} is not a safe method`);
  }
  if (source === "live") return;
  c.header("x-fallback", ageSeconds === undefined ? source : `${source}; age=${ageSeconds}`);
}
