import { isProblemCode, problemCodes } from "@edgepass/shared/problem";
import { cookieNames } from "@edgepass/shared/tokens";
import type { AccessRule, CheckedRoute } from "../routes.ts";
import { isObject, type Json, objectAt, textAt } from "./components.ts";
import {
  type DescribeFailure,
  documentCodes,
  exampleTraceId,
  type FailureCodes,
  gatewayCodes,
  groupByStatus,
  headersOf,
} from "./failures.ts";

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

/** How clients authenticate; the cookie's name depends on the public origin. */
export function securitySchemes(publicOrigin: string): Json {
  return {
    cookieAuth: {
      type: "apiKey",
      in: "cookie",
      name: cookieNames(publicOrigin).access,
      description: "Set by the identity provider; browsers send it by themselves",
    },
    bearerAuth: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "JWT",
      description: "Access token of a client without cookies; never both at once",
    },
  };
}

export const ownTag: Json = { name: "Gateway", description: "The gateway's own documents" };

const about = {
  type: "object",
  required: ["success", "data", "traceId"],
  properties: {
    success: { type: "boolean", const: true },
    data: {
      type: "object",
      required: ["title", "description", "liveness", "readiness"],
      properties: {
        title: { type: "string", example: "Edgepass" },
        version: { type: "string", example: "0.1.0" },
        description: { type: "string", example: "A learning platform behind one gateway" },
        documentation: { type: "string", format: "uri", example: "https://api.example.com/docs" },
        openapi: { type: "string", format: "uri", example: "https://api.example.com/openapi.json" },
        liveness: { type: "string", format: "uri", example: "https://api.example.com/livez" },
        readiness: { type: "string", format: "uri", example: "https://api.example.com/readyz" },
      },
    },
    traceId: {
      type: "string",
      pattern: "^[0-9a-f]{32}$",
      example: "0af7651916cd43dd8448eb211c80319c",
    },
  },
};

const liveness = {
  type: "object",
  required: ["status"],
  properties: { status: { type: "string", const: "live" } },
};

const readiness = {
  type: "object",
  required: ["status", "checks"],
  properties: {
    status: { type: "string", enum: ["ready", "not ready"] },
    degraded: {
      type: "array",
      description: "Aliases of the issuers whose key sets cannot be read; absent without any",
      items: { type: "string", example: "corp" },
    },
    checks: {
      type: "object",
      description: "What the gateway depends on, and the state of each",
      additionalProperties: { type: "string", example: "ready" },
      example: { revocation: "ready" },
    },
  },
};

/** Paths that the gateway serves itself, without a credential; only the root has an envelope. */
export function ownPaths(describeFailure: DescribeFailure): Json {
  const failure = (status: string, codes: readonly string[]) =>
    describeFailure(status, { codes, open: false });
  const refusals = Object.fromEntries(
    Array.from(groupByStatus(documentCodes), ([status, codes]) => [status, failure(status, codes)]),
  );
  const get = (operationId: string, summary: string, responses: Json): Json => ({
    get: {
      operationId,
      summary,
      tags: [ownTag.name],
      security: [],
      responses: { ...refusals, ...responses },
    },
  });
  return {
    "/": get("getAbout", "What this is, and where its documents are", {
      "200": bare("The API and its documents, in the ApiResponse form", about),
    }),
    "/livez": get("getLiveness", "Whether the gateway runs", { "200": bare("It runs", liveness) }),
    "/readyz": get("getReadiness", "Whether the gateway can serve", {
      "200": bare("It can", readiness),
      "503": bare("Something is not ready", readiness),
    }),
    "/openapi.json": get("getOpenApi", "This document", {
      "200": bare("OpenAPI 3.1", { type: "object", additionalProperties: true }),
      "502": failure("502", ["upstream_bad_response"]),
      "503": failure("503", ["upstream_unavailable"]),
    }),
  };
}

function bare(description: string, schema: Json): Json {
  return {
    description,
    headers: headersOf("200"),
    content: { "application/json": { schema } },
  };
}
