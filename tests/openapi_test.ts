import assert from "node:assert/strict";
import { deliveryRoutes, routes } from "@edgepass/app/routes";
import { problemCodes } from "@edgepass/shared/problem";
import { generate, updateCommand } from "./openapi.ts";
import { isObject, type Json, objectAt } from "./support/json.ts";

const root = new URL("../", import.meta.url);

async function readGolden(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root)).catch(() => "");
}

async function readDocument(): Promise<Json> {
  const document: unknown = JSON.parse(await readGolden("docs/openapi.json"));
  assert.ok(isObject(document));
  return document;
}

Deno.test("the OpenAPI document and client types equal those generated from the source", async () => {
  for (const [path, text] of Object.entries(await generate())) {
    // Comparing by `===` keeps a failure from printing two files of this size.
    assert.ok(await readGolden(path) === text, `${path} is out of date: run \`${updateCommand}\``);
  }
});

Deno.test("the document has exactly the operations of the route table", async () => {
  const described = Object.entries(objectAt(await readDocument(), "paths")).flatMap(
    ([path, item]) => Object.keys(isObject(item) ? item : {}).map((method) => `${method} ${path}`),
  );
  const routed = Object.entries(routes).flatMap(([path, { access }]) =>
    Object.keys(access).map((method) => `${method.toLowerCase()} ${path}`)
  );
  const own = ["get /", "get /livez", "get /readyz", "get /openapi.json"];
  assert.deepEqual(described.toSorted(), [...routed, ...own].toSorted());
});

Deno.test("delivery endpoints are in no document, and have a route for every service", async () => {
  const paths = objectAt(await readDocument(), "paths");
  for (const [path, row] of Object.entries(deliveryRoutes)) {
    assert.ok(!(path in paths) && !(path in routes), path);
    const [, service = ""] = path.split("/events/");
    assert.equal(row.service, service.replace("/failed", "").toUpperCase());
    assert.deepEqual([row.access, row.envelope], [{ POST: "public" }, false]);
  }
  const services = new Set(Object.values(routes).map(({ service }) => service));
  assert.equal(Object.keys(deliveryRoutes).length, 2 * services.size);
});

Deno.test("every problem code of the catalogue is documented by an operation", async () => {
  const text = JSON.stringify(objectAt(objectAt(await readDocument(), "components"), "responses"));
  const missing = Object.keys(problemCodes).filter((code) => !text.includes(`"${code}"`));
  assert.deepEqual(missing, [
    "passport_required",
    "passport_invalid",
    "event_signature_invalid",
    "method_not_allowed",
    "event_unusable",
    "client_closed_request",
    "event_postponed",
  ]);
});

Deno.test("every plain value of every schema has an example", async () => {
  const lacking: string[] = [];
  visit(await readDocument(), "", (schema, path) => {
    const { type, enum: choices, const: constant } = schema;
    const types = Array.isArray(type) ? type : [type];
    const isPlain = types.some((one) => ["string", "number", "integer"].includes(String(one)));
    const isKnown = choices !== undefined || constant !== undefined || "example" in schema;
    if (isPlain && !isKnown) lacking.push(path);
  });
  assert.deepEqual(lacking, []);
});

/** Visits everything that looks like a schema: any object with a `type`. */
function visit(value: unknown, path: string, look: (schema: Json, path: string) => void): void {
  if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}/${index}`, look));
  if (!isObject(value)) return;
  if (typeof value.type === "string" || Array.isArray(value.type)) look(value, path);
  for (const [key, item] of Object.entries(value)) visit(item, `${path}/${key}`, look);
}

Deno.test("Redocly's recommended rules find nothing in the document", async () => {
  const redocly = new URL("node_modules/@redocly/cli/bin/cli.js", root).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--cached-only",
      redocly,
      "lint",
      "--format=json",
      "docs/openapi.json",
    ],
    cwd: root,
    env: { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const [report, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, `${report}${log}`);
  assert.deepEqual(JSON.parse(report ?? "").problems, [], `${report}${log}`);
});
