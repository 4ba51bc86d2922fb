import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import { type FailureCodes, gatewayCodes, groupByStatus } from "./openapi_codes.ts";
import { type DescribeFailure, exampleTraceId, headersOf } from "./openapi_failures.ts";
import { isObject, type Json, objectAt, textAt } from "./openapi_json.ts";
import type { AccessRule, CheckedRoute } from "./routes.ts";

/** An operation of a service, with its route and access rule. */
export interface ExposedOperation {
  readonly path: string;
  readonly method: string;
  readonly route: CheckedRoute;
  readonly rule: AccessRule;
  readonly operation: Json;
}

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);
const jsonMediaType = /^application\/(?:[\w.-]+\+)?json$/;

/** An operation as the gateway's clients see it; its responses must not be references. */
export function toClientOperation(
  { method, route, rule, operation }: ExposedOperation,
  describeFailure: DescribeFailure,
): Json {
  const unsafe = !safeMethods.has(method);
  const hasBody = operation.requestBody !== undefined;
  const own = groupByStatus(gatewayCodes({ rule, unsafe, hasBody }));
  const responses: Record<string, Json> = {};
  const theirs = objectAt(operation, "responses");
  for (const status of Object.keys(theirs)) {
    const response = objectAt(theirs, status);
    responses[status] = /^[1-3]/.test(status)
      ? success(status, response, route.envelope && method !== "HEAD")
      : describeFailure(status, toCodes(response, own.get(status) ?? []), {
        description: textAt(response, "description") ?? "Failure",
        headers: objectAt(response, "headers"),
      });
  }
  for (const [status, codes] of own) {
    responses[status] ??= describeFailure(status, { codes, open: false });
  }
  return { ...operation, responses, security: toSecurity(rule) };
}

/** Any one of a rule's roles is enough, so each is an alternative (OpenAPI 3.1 §4.8.30). */
function toSecurity(rule: AccessRule): readonly Json[] {
  if (rule === "public") return [];
  const roles = typeof rule === "object" ? rule.roles.map((role) => [role]) : [[]];
  const credentials = ["cookieAuth", "bearerAuth"].flatMap((scheme) =>
    roles.map((needed) => ({ [scheme]: needed }))
  );
  return rule === "optional" ? [{}, ...credentials] : credentials;
}

function success(status: string, response: Json, enveloped: boolean): Json {
  const headers = { ...headersOf(status), ...objectAt(response, "headers") };
  const content = Object.entries(objectAt(response, "content"));
  if (content.length === 0) return { ...response, headers };
  const wrapped = content.map(([mediaType, media]) =>
    enveloped && isObject(media) && jsonMediaType.test(mediaType)
      ? ["application/json", toEnvelope(media)]
      : [mediaType, media]
  );
  return { ...response, headers, content: Object.fromEntries(wrapped) };
}

function toEnvelope({ schema: data = {}, example }: Json): Json {
  const schema = {
    type: "object",
    required: ["success", "data", "traceId"],
    properties: {
      success: { type: "boolean", const: true },
      data,
      traceId: { $ref: "#/components/schemas/TraceId" },
    },
  };
  if (example === undefined) return { schema };
  return { schema, example: { success: true, data: example, traceId: exampleTraceId } };
}

/**
 * The service's codes and the gateway's; the refusal of a Passport never reaches the client as
 * such.
 */
function toCodes(response: Json, own: readonly string[]): FailureCodes {
  const named = response["x-codes"];
  const theirs = Array.isArray(named) ? named.filter((code) => typeof code === "string") : [];
  const all = new Set([...theirs.filter((code) => !code.startsWith("passport_")), ...own]);
  return {
    codes: [
      ...Object.keys(problemCodes).filter((code) => all.has(code)),
      ...[...all].filter((code) => !isProblemCode(code)),
    ],
    open: theirs.length === 0,
  };
}
