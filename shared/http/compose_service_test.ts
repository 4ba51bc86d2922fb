import assert from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import { consumerBindings } from "../../tests/support/deliveries.ts";
import { createPassports } from "../../tests/support/passports.ts";
import { createCaller, createClock, openDatabase } from "../../tests/support/services.ts";
import { createPolicies } from "../resilience/mod.ts";
import { createApi } from "./api.ts";
import { createDefineService } from "./define_service.ts";
import { idempotencyKey, jsonResponse } from "./openapi.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const Note = z.object({});
const addNote = createRoute({
  method: "post",
  path: "/",
  operationId: "addNote",
  request: idempotencyKey,
  responses: { 201: jsonResponse("The note", Note) },
});
const created = {
  "note.created": { source: "/notes", version: 1, facet: "note", consumers: [], data: Note },
} as const;

for (const [events, table] of Object.entries({ "without": {}, "with": created })) {
  Deno.test(`maintenance of a service ${events} events deletes stored responses after 24 hours`, async () => {
    using sql = await openDatabase("course");
    const clock = createClock();
    const passports = createPassports(clock);
    const bindings = { ...passports.bindings, ...consumerBindings, NOTES_DB: sql };
    const runtime = createServiceRuntime(bindings, { now: clock.now, sink: () => {} });
    const defineService = createDefineService({ events: table, policies: createPolicies({}) });
    const service = defineService({
      name: "notes",
      description: "Notes",
      create: () => ({
        routes: { "/notes": createApi().openapi(addNote, (c) => c.json({}, 201)) },
      }),
    });
    const { app, events: endpoint, maintain } = service.compose(bindings, { runtime });
    assert.equal(endpoint !== undefined, events === "with");
    const headers = { "idempotency-key": "k" };
    const response = await createCaller(app, passports)("POST", "/notes", { headers });
    assert.equal(response.status, 201, await response.text());
    const count = async () =>
      (await sql.run({ sql: "SELECT key FROM idempotency_keys", params: [] })).length;
    clock.advance(86_400_000 - 1);
    await maintain?.();
    assert.equal(await count(), 1);
    clock.advance(1);
    await maintain?.();
    assert.equal(await count(), 0);
  });
}
