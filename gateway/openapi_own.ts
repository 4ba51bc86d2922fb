import { cookieNames } from "@edgepass/shared/tokens";
import { documentCodes, groupByStatus } from "./openapi_codes.ts";
import { type DescribeFailure, headersOf } from "./openapi_failures.ts";
import type { Json } from "./openapi_json.ts";

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
