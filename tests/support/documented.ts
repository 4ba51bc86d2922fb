import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { isObject, type Json, objectAt } from "./json.ts";

export interface Documented {
  /** The golden document. */
  readonly document: Json;
  /** Asserts that the document lists this response: status, media type, body. */
  check(method: string, path: string, response: Response): Promise<void>;
  /** Operations that require a credential, with a target for each. */
  readonly protectedOperations: readonly { readonly method: string; readonly path: string }[];
}

/** Reads the golden document, to check responses against it. */
export async function readDocumented(): Promise<Documented> {
  const file = new URL("../../docs/openapi.json", import.meta.url);
  const text = await Deno.readTextFile(file);
  // Schemas refer to each other in the form that the JSON Schema reader supports.
  const document = readObject(text.replaceAll("#/components/schemas/", "#/$defs/"));
  const operations = listOperations(document);
  const schemas = new Map<Json, z.ZodType>();

  function schemaOf(media: Json): z.ZodType {
    const cached = schemas.get(media);
    if (cached) return cached;
    const $defs = objectAt(objectAt(document, "components"), "schemas");
    const schema = z.fromJSONSchema(toJsonSchema({ ...objectAt(media, "schema"), $defs }));
    schemas.set(media, schema);
    return schema;
  }

  return {
    document: readObject(text),
    async check(method, path, response) {
      const [pathname = ""] = path.split("?");
      const found = operations.find((one) => one.method === method && one.pattern.test(pathname));
      assert.ok(found, `${method} ${pathname} is documented`);
      const { status } = response;
      const documented = resolve(document, objectAt(found.operation, "responses"), String(status));
      const body = await response.text();
      assert.ok(documented, `${method} ${pathname} may answer ${status}: ${body}`);
      const content = objectAt(documented, "content");
      const mediaType = response.headers.get("content-type")?.split(";")[0] ?? "";
      if (Object.keys(content).length === 0) return assert.equal(body, "");
      const media = content[mediaType];
      assert.ok(isObject(media), `${method} ${pathname} may answer ${mediaType}`);
      const fit = schemaOf(media).safeParse(JSON.parse(body));
      assert.ok(fit.success, `${method} ${pathname} ${status} ${body}: ${fit.error?.message}`);
    },
    protectedOperations: operations.filter(({ operation }) => {
      const security: readonly unknown[] = Array.isArray(operation.security)
        ? operation.security
        : [];
      return security.length > 0 && security.every((one) => isObject(one) && !isEmpty(one));
    }).map(({ method, template }) => ({
      method,
      path: template.replaceAll(/\{\w+\}/g, "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f"),
    })),
  };
}

function readObject(text: string): Json {
  const value: unknown = JSON.parse(text);
  assert.ok(isObject(value));
  return value;
}

/** The document is linted, so the content of `schema` is JSON Schema (OpenAPI 3.1 §4.8.24). */
function toJsonSchema(schema: Json): Parameters<typeof z.fromJSONSchema>[0] {
  return schema as Parameters<typeof z.fromJSONSchema>[0];
}

interface Operation {
  readonly method: string;
  readonly template: string;
  readonly pattern: RegExp;
  readonly operation: Json;
}

/** Concrete paths come before those with parameters (OpenAPI 3.1 §4.8.8.2). */
function listOperations(document: Json): Operation[] {
  const paths = objectAt(document, "paths");
  const templates = Object.keys(paths).toSorted((a, b) =>
    a.split("{").length - b.split("{").length
  );
  return templates.flatMap((template) => {
    const item = objectAt(paths, template);
    const escaped = template.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
    return Object.keys(item).map((method) => ({
      method: method.toUpperCase(),
      template,
      pattern: new RegExp(`^${escaped}$`),
      operation: objectAt(item, method),
    }));
  });
}

function resolve(document: Json, responses: Json, status: string): Json | undefined {
  const response = responses[status];
  if (!isObject(response)) return undefined;
  const name = typeof response.$ref === "string" ? response.$ref.split("/").at(-1) : undefined;
  if (name === undefined) return response;
  return objectAt(objectAt(objectAt(document, "components"), "responses"), name);
}

function isEmpty(value: Json): boolean {
  return Object.keys(value).length === 0;
}
