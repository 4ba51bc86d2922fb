import { isProblemCode, problemCodes, problemMediaType } from "@edgepass/shared/problem";
import { toPascalCase } from "./openapi_components.ts";
import type { Json } from "./openapi_json.ts";
import type { FailureCodes } from "./openapi_codes.ts";

/** The trace id of every example. */
export const exampleTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
/** Describes the failures of one status. */
export type DescribeFailure = (
  status: string,
  failure: FailureCodes,
  given?: { readonly description?: string; readonly headers?: Json },
) => Json;

/** Makes the describer; `share` stores a response once for all operations with the same codes. */
export function createDescribeFailure(
  share: (name: string, response: Json) => Json,
): DescribeFailure {
  return function describeFailure(status, failure, { description = "Failure", headers = {} } = {}) {
    const response = toResponseObject(status, failure, { description, headers });
    const isOurs = failure.codes.every((code) =>
      isProblemCode(code) && String(problemCodes[code][0]) === status
    );
    const shared = isOurs && !failure.open && Object.keys(headers).length === 0;
    return shared ? share(failure.codes.map(toPascalCase).join("Or"), response) : response;
  };
}

function toResponseObject(
  status: string,
  { codes, open }: FailureCodes,
  { description, headers }: { description: string; headers: Json },
): Json {
  const known = codes.filter(isProblemCode);
  const examples = Object.fromEntries(
    known.map((one) => [one, { $ref: `#/components/examples/${toPascalCase(one)}` }]),
  );
  const code = { type: "string", enum: codes };
  return {
    description: codes.length === 0 ? description : codes.map(title).join("; "),
    headers: { ...headersOf(status), ...headers },
    content: {
      "application/json": {
        schema: open ? { $ref: "#/components/schemas/Failure" } : failureSchema(code),
        ...(known.length === 0 ? {} : { examples }),
      },
      [problemMediaType]: {
        schema: open ? { $ref: "#/components/schemas/Problem" } : problemSchema(status, code),
      },
    },
  };
}

function title(code: string): string {
  return isProblemCode(code) ? `\`${code}\`: ${problemCodes[code][1]}` : `\`${code}\``;
}

function failureSchema(code: Json): Json {
  return {
    type: "object",
    required: ["success", "error", "traceId"],
    properties: {
      success: { type: "boolean", const: false },
      error: {
        type: "object",
        required: ["code", "message"],
        properties: {
          code,
          message: { type: "string", example: "Conflicts with the present state" },
          details,
        },
      },
      traceId: { $ref: "#/components/schemas/TraceId" },
    },
  };
}

function problemSchema(status: string, code: Json): Json {
  return {
    type: "object",
    description: "Problem details (RFC 9457), for who accepts application/problem+json",
    required: ["type", "title", "status", "code", "traceId"],
    properties: {
      type: { type: "string", example: "urn:problem:conflict" },
      title: { type: "string", example: "Conflicts with the present state" },
      status: /^\d+$/.test(status)
        ? { type: "integer", const: Number(status) }
        : { type: "integer" },
      detail: { type: "string", example: "Conflicts with the present state" },
      code,
      traceId: { $ref: "#/components/schemas/TraceId" },
      errors: details,
    },
  };
}

const details = { type: "array", items: { $ref: "#/components/schemas/FailureDetail" } };
const anyCode = { type: "string", description: "Stable name of the failure", example: "conflict" };

/** The headers of responses of a status. */
export function headersOf(status: string): Json {
  const refer = (name: string) => ({ $ref: `#/components/headers/${name}` });
  return {
    "X-Trace-Id": refer("TraceId"),
    ...(status === "401" ? { "WWW-Authenticate": refer("Challenge") } : {}),
    ...(status === "405" ? { "Allow": refer("Allow") } : {}),
    ...(status === "429" || status === "503" ? { "Retry-After": refer("RetryAfter") } : {}),
  };
}

const traceId = {
  type: "string",
  pattern: "^[0-9a-f]{32}$",
  description: "Trace id of this request, as in every log line it caused",
  example: exampleTraceId,
};

/** The components of the gateway's responses; those without a reference are left out later. */
export const failureComponents: Json = {
  schemas: {
    TraceId: traceId,
    FailureDetail: {
      type: "object",
      required: ["path", "message"],
      properties: {
        path: {
          type: "string",
          description: "Dotted path of the field; empty for the body itself",
          example: "email",
        },
        message: { type: "string", example: "Invalid email address" },
      },
    },
    Failure: failureSchema(anyCode),
    Problem: problemSchema("default", anyCode),
  },
  headers: {
    TraceId: { description: "Trace id of this request", schema: traceId },
    RetryAfter: {
      description: "Seconds to wait before another try",
      schema: { type: "integer", minimum: 0, example: 1 },
    },
    Allow: {
      description: "Methods of this path",
      schema: { type: "string", example: "GET, HEAD, POST" },
    },
    Challenge: {
      description: "How to authenticate (RFC 9110 §11.6.1)",
      schema: { type: "string", example: "Bearer" },
    },
  },
  examples: Object.fromEntries(
    Object.entries(problemCodes).map(([code, [, message]]) => [toPascalCase(code), {
      summary: message,
      value: { success: false, error: { code, message }, traceId: exampleTraceId },
    }]),
  ),
};
