import type { AnyContext } from "./require_passport.ts";
import { z } from "@hono/zod-openapi";
import { type ProblemCode, problemCodes, problemMediaType } from "../problem.ts";

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
