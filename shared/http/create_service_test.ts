import assert from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import { createPassports } from "../../tests/support/passports.ts";
import { createCaller, expectProblem, openDatabase } from "../../tests/support/services.ts";
import { Problem } from "../problem.ts";
import { StoreUnavailable } from "../sql/statement.ts";
import { createApi } from "./api.ts";
import { createService, type ServiceOptions } from "./create_service.ts";
import { jsonBody, jsonResponse } from "./openapi.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const Note = z.strictObject({ text: z.string().max(10) });

const addNote = createRoute({
  method: "post",
  path: "/notes/{id}",
  operationId: "addNote",
  request: { params: z.object({ id: z.uuid() }), ...jsonBody(Note) },
  responses: { 201: jsonResponse("The note", Note) },
});

const notes = `/notes/${crypto.randomUUID()}`;

function setup(options: Partial<ServiceOptions> = {}) {
  const passports = createPassports();
  const lines: Record<string, unknown>[] = [];
  const runtime = createServiceRuntime(passports.bindings, {
    sink: (line) => void lines.push(JSON.parse(line)),
  });
  const app = createService({ name: "notes", runtime, ...options });
  const added: string[] = [];
  app.route(
    "/",
    createApi().openapi(addNote, (c) => {
      const note = c.req.valid("json");
      added.push(note.text);
      return c.json(note, 201);
    }),
  );
  const fail = (error: unknown) => () => {
    throw error;
  };
  app.get("/fails/store", fail(new StoreUnavailable()));
  app.get("/fails/program", fail(new TypeError("x of undefined")));
  app.get("/fails/problem", fail(new Problem("revocation_unavailable")));
  return { app, added, lines, call: createCaller(app, passports) };
}

Deno.test("a service returns the response of its route", async () => {
  const { call, added } = setup();
  const response = await call("POST", notes, { body: { text: "hello" } });
  assert.deepEqual([response.status, await response.json()], [201, { text: "hello" }]);
  assert.deepEqual(added, ["hello"]);
});

const refused = {
  "no Passport": [{ as: null, body: { text: "x" } }, notes, 401, "passport_required"],
  "an unknown field": [{ body: { text: "x", more: 1 } }, notes, 422, "validation_failed"],
  "a wrong type": [{ body: { text: 1 } }, notes, 422, "validation_failed"],
  "a missing body": [{}, notes, 422, "validation_failed"],
  "another media type": [
    { body: "text=x", headers: { "content-type": "application/x-www-form-urlencoded" } },
    notes,
    415,
    "unsupported_media_type",
  ],
  "an encoded body": [
    { body: { text: "x" }, headers: { "content-encoding": "gzip" } },
    notes,
    415,
    "unsupported_media_type",
  ],
  "broken JSON": [{ body: '{"text":' }, notes, 400, "malformed_json"],
  "a body that is too large": [
    { body: { text: "x".repeat(200) } },
    notes,
    413,
    "payload_too_large",
  ],
  "an impossible id": [{ body: { text: "x" } }, "/notes/1", 404, "not_found"],
  "an unknown path": [{ body: { text: "x" } }, "/other", 404, "not_found"],
} as const;
for (const [what, [options, path, status, code]] of Object.entries(refused)) {
  Deno.test(`a service refuses ${what} before the route handler runs`, async () => {
    const { call, added } = setup({ maxBodyBytes: 100 });
    await expectProblem(call("POST", path, options), status, code);
    assert.deepEqual(added, []);
  });
}

Deno.test("a 405 response lists the allowed methods", async () => {
  const { call } = setup();
  const response = await call("PUT", notes, { body: { text: "x" } });
  assert.equal(response.headers.get("allow"), "POST");
  await expectProblem(response, 405, "method_not_allowed");
});

Deno.test("a validation error names each field without its value", async () => {
  const { call } = setup();
  const response = await call("POST", notes, { body: { text: "much too long", extra: 1 } });
  const { errors } = await response.json();
  assert.deepEqual(errors.map(({ path }: { path: string }) => path), ["text", "extra"]);
  assert.ok(!JSON.stringify(errors).includes("much too long"));
});

const failures = {
  "/fails/store": [503, "store_unavailable", 1],
  "/fails/program": [500, "internal", 1],
  "/fails/problem": [503, "revocation_unavailable", 1],
  "/nothing": [404, "not_found", 0],
} as const;
for (const [path, [status, code, errors]] of Object.entries(failures)) {
  Deno.test(`GET ${path} ends as ${code}, with ${errors} error in the log`, async () => {
    const { call, lines } = setup();
    await expectProblem(call("GET", path), status, code);
    assert.equal(lines.filter(({ level }) => level === "error").length, errors);
  });
}

Deno.test("health routes and the OpenAPI document require no Passport", async () => {
  const { app } = setup();
  for (const path of ["/livez", "/readyz", "/openapi.json"]) {
    assert.equal((await app.request(path)).status, 200, path);
  }
});

Deno.test("a service with a failing check is live and not ready, and does not reveal the cause", async () => {
  const { app } = setup({
    readiness: {
      keys: () => Promise.resolve(),
      store: () => Promise.reject(new StoreUnavailable({ cause: "db.internal:5432" })),
      other: () => Promise.reject("text"),
    },
  });
  const ready = await app.request("/readyz");
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), {
    status: "not ready",
    checks: { keys: "ready", store: "StoreUnavailable", other: "not ready" },
  });
  assert.equal((await app.request("/livez")).status, 200);
});

Deno.test("an Idempotency-Key on an open path has no effect", async () => {
  using sql = await openDatabase("course");
  const { app } = setup({ idempotency: sql, open: ["/hook"] });
  app.post("/hook", (c) => c.json({}, 201));
  for (let round = 0; round < 2; round++) {
    const headers = { "idempotency-key": "k" };
    assert.equal((await app.request("/hook", { method: "POST", headers })).status, 201);
  }
  assert.deepEqual(await sql.run({ sql: "SELECT key FROM idempotency_keys", params: [] }), []);
});

Deno.test("a service with idempotency still returns 404 and 405", async () => {
  using sql = await openDatabase("course");
  const { call } = setup({ idempotency: sql });
  await expectProblem(call("GET", "/other"), 404, "not_found");
  const response = await call("PUT", "/livez");
  assert.equal(response.headers.get("allow"), "GET, HEAD");
  await expectProblem(response, 405, "method_not_allowed");
});

Deno.test("a service with idempotency distinguishes an unknown path from a wrong method", async () => {
  using sql = await openDatabase("course");
  const { app, call } = setup({ idempotency: sql });
  app.get("/read", (c) => c.json({}));
  await expectProblem(call("GET", "/other"), 404, "not_found");
  await expectProblem(call("POST", "/read", { body: {} }), 405, "method_not_allowed");
});
