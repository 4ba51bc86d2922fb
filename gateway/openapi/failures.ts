import {
  isProblemCode,
  type ProblemCode,
  problemCodes,
  problemMediaType,
} from "@edgepass/shared/problem";
import type { AccessRule } from "../routes.ts";
import { type Json, toPascalCase } from "./components.ts";

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

/** The codes of failures of one status; `open` where a service does not list its own. */
export interface FailureCodes {
  readonly codes: readonly string[];
  readonly open: boolean;
}

const everyRequest: readonly ProblemCode[] = [
  "path_not_canonical",
  "uri_too_long",
  "misdirected_request",
  "headers_too_large",
  "internal",
];
const everyForwarded: readonly ProblemCode[] = [
  "upstream_bad_response",
  "upstream_unavailable",
  "upstream_timeout",
];
const everyToken: readonly ProblemCode[] = [
  "authentication_required",
  "token_invalid",
  "token_expired",
  "token_revoked",
  "ambiguous_credentials",
  "revocation_unavailable",
];
const everyBody: readonly ProblemCode[] = [
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
];

/**
 * The codes with which the gateway itself may refuse a request, by the steps that the request
 * passes.
 */
export function gatewayCodes(
  { rule, unsafe, hasBody }: { rule: AccessRule; unsafe: boolean; hasBody: boolean },
): readonly ProblemCode[] {
  const requiresToken = rule !== "public" && rule !== "optional";
  return [
    ...everyRequest,
    "rate_limited",
    ...(unsafe ? ["csrf_rejected"] as const : []),
    ...(requiresToken ? everyToken : []),
    ...(typeof rule === "object" ? ["forbidden"] as const : []),
    ...(hasBody ? everyBody : []),
    ...everyForwarded,
  ];
}

/** The codes with which the gateway may refuse a request for its own documents. */
export const documentCodes = everyRequest;

/** Codes by status, in the order of the catalogue. */
export function groupByStatus(codes: Iterable<ProblemCode>): Map<string, ProblemCode[]> {
  const given = new Set(codes);
  const ordered = Object.keys(problemCodes).filter(isProblemCode).filter((code) => given.has(code));
  return Map.groupBy(ordered, (code) => String(problemCodes[code][0]));
}
