import assert from "node:assert/strict";
import { routes } from "@edgepass/app/routes";
import type { AccessRule } from "@edgepass/gateway";
import { isObject, type Json, objectAt } from "../support/json.ts";
import type { Target } from "../targets.ts";
import type { Environment, Person } from "./product_environment.ts";

/** One operation of the product, with the request of an authorised caller. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly template: string;
  readonly rule: AccessRule;
  /** Of the merged document; undefined where the operation takes no body. */
  readonly schema: Json | undefined;
  /** A body of the examples in its schema. */
  readonly example: Json | undefined;
}

/** An id without a resource. */
export const unknownId = "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f";

/** Reads the operations from the route table, and their bodies from the document that is served. */
export async function readOperations(target: Pick<Target, "fetch">): Promise<Operation[]> {
  const document: unknown = await (await target.fetch("/openapi.json")).json();
  assert.ok(isObject(document));
  return Object.entries(routes).flatMap(([template, { access }]) =>
    Object.entries(access).map(([method, rule]: [string, AccessRule]) => {
      const described = objectAt(
        objectAt(objectAt(document, "paths"), template),
        method.toLowerCase(),
      );
      assert.ok("responses" in described, `${method} ${template} is described`);
      const schema = readSchema(document, described);
      const example = schema && toExample(document, schema);
      return { name: `${method} ${template}`, method, template, rule, schema, example };
    })
  );
}

function readSchema(document: Json, operation: Json): Json | undefined {
  const content = objectAt(objectAt(operation, "requestBody"), "content");
  if (!("application/json" in content)) return undefined;
  const schema = objectAt(objectAt(content, "application/json"), "schema");
  const name = typeof schema.$ref === "string" ? schema.$ref.split("/").at(-1) : undefined;
  return name === undefined
    ? schema
    : objectAt(objectAt(objectAt(document, "components"), "schemas"), name);
}

/** Every plain value of the document has an example. */
function toExample(document: Json, schema: Json): Json {
  const properties = Object.entries(objectAt(schema, "properties"));
  return Object.fromEntries(properties.flatMap(([name, one]) => {
    const value = isObject(one) ? one.example ?? toItems(document, one) : undefined;
    return value === undefined ? [] : [[name, value]];
  }));
}

function toItems(document: Json, schema: Json): unknown {
  const items = objectAt(schema, "items");
  if (schema.type === "array") return [items.example ?? toExample(document, items)];
  return schema.type === "object" ? toExample(document, schema) : undefined;
}

export function isUnsafe({ method }: Operation): boolean {
  return method !== "GET";
}

/** Whether the operation requires a credential. */
export function isProtected({ rule }: Operation): boolean {
  return rule !== "public" && rule !== "optional";
}

/** The user who owns the operation's resource, with a required role. */
export function rightful(
  { rule }: Operation,
  environment: Pick<Environment, "admin" | "teacher" | "learner">,
): Person {
  if (typeof rule === "string") return environment.learner;
  if (rule.roles.includes("admin")) return environment.admin;
  return rule.roles.includes("instructor") ? environment.teacher : environment.learner;
}

/** The path of an existing resource: its owner's call would succeed. */
export function pathOf(
  { template }: Operation,
  { ids, idsBelow, other, learner }: Environment,
): string {
  const [, kind = ""] =
    /^\/(auth\/sessions|auth\/accounts|users|courses|enrollments)/.exec(template) ?? [];
  const id = {
    "auth/sessions": ids.session,
    "auth/accounts": other.id,
    users: learner.id,
    courses: ids.course,
    enrollments: ids.enrollment,
  }[kind];
  const [collection = ""] = template.split("/{id}");
  return template.replace("{id}", id ?? idsBelow[collection] ?? "").replace(
    "{lessonId}",
    ids.lesson,
  )
    .replace("{version}", "1");
}

/** A body that the operation accepts from an authorised caller, and that would change something. */
export function bodyOf({ name, example }: Operation, { ids }: Environment): Json | undefined {
  const password = "a sentence that only I would think of";
  const email = "nobody@edgepass.local";
  const bodies: Readonly<Record<string, Json>> = {
    "POST /auth/signup": { email, password, name: "Demo Learner" },
    "POST /auth/login": { email, password },
    "POST /auth/token": { grantType: "password", email, password },
    "POST /auth/password": { current: password, next: "a sentence that nobody thinks of" },
    "PUT /auth/accounts/{id}/roles": { roles: ["admin"] },
    "PUT /admin/configuration": { document: { gateway: { logLevel: "error" } } },
    "POST /admin/configuration/rollback": { version: 1 },
    "PATCH /users/me": { name: "Changed", headline: "Changed" },
    "POST /courses": { title: "Changed", summary: "Changed", tags: [] },
    "PATCH /courses/{id}": { title: "Changed" },
    "POST /courses/{id}/lessons": { title: "Changed", content: "Changed" },
    "PATCH /courses/{id}/lessons/{lessonId}": { title: "Changed" },
    "POST /enrollments": { courseId: ids.course },
    "PUT /enrollments/{id}/lessons/{lessonId}": { completed: true },
  };
  return bodies[name] ?? example;
}
