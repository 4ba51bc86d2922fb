import assert from "node:assert/strict";
import { createRoute as createUnruledRoute, z } from "@hono/zod-openapi";
import { consumerBindings } from "../../tests/support/deliveries.ts";
import { createPassports } from "../../tests/support/passports.ts";
import {
  createCaller,
  createClock,
  expectProblem,
  openDatabase,
  person,
} from "../../tests/support/services.ts";
import * as zm from "zod/mini";
import { setting } from "../composition/settings.ts";
import { localUpstream } from "../composition/upstream.ts";
import { eventing } from "../events/mod.ts";
import { createPolicies } from "../resilience/mod.ts";
import { uuidv7 } from "../sql/mod.ts";
import { createApi } from "./api.ts";
import { createDefineService } from "./define_service.ts";
import { idempotencyKey, jsonResponse } from "./openapi.ts";
import { createRoute } from "./route.ts";
import { createServiceRuntime } from "./service_runtime.ts";
import type { ServiceDeclaration } from "./service_declaration.ts";

const Note = z.object({});
const addNote = createRoute({
  method: "post",
  path: "/",
  operationId: "addNote",
  access: "public",
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
    const defineService = createDefineService({
      events: table,
      eventing,
      policies: createPolicies({}),
    });
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

const readParts = createRoute({
  method: "get",
  path: "/",
  operationId: "readParts",
  access: "public",
  responses: { 200: jsonResponse("The parts of the other services", z.record(z.string(), Note)) },
});

/** A service that collects exports, beside two others with these responses. */
function composeCollector(local: Readonly<Record<string, () => Response>>) {
  const passports = createPassports();
  const service = createDefineService({
    events: {},
    eventing,
    policies: createPolicies({}),
    exports: { auth: "Accounts", notes: "Notes", mine: "Its own" },
  })({
    name: "mine",
    description: "Mine",
    database: false,
    exports: "Its own",
    collectsExports: true,
    create: ({ collectExports }) => ({
      routes: {
        "/parts": createApi().openapi(readParts, async (c) => c.json(await collectExports(), 200)),
      },
      readExport: () => Promise.resolve({}),
    }),
  });
  const { app } = service.compose(passports.bindings, {
    local: Object.fromEntries(
      Object.entries(local).map(([place, fetch]) => [place, localUpstream(place, { fetch })]),
    ),
    runtime: createServiceRuntime(passports.bindings, { sink: () => {} }),
  });
  const ann = person(uuidv7(), "learner");
  return () => createCaller(app, passports)("GET", "/parts", { as: ann });
}

Deno.test("exports are collected from every other service that the product's table names", async () => {
  const read = composeCollector({
    AUTH: () => Response.json({ email: "ann@example.com" }),
    NOTES: () => Response.json({ notes: ["a"] }),
  });
  const response = await read();
  assert.deepEqual(await response.json(), {
    auth: { email: "ann@example.com" },
    notes: { notes: ["a"] },
  });
});

Deno.test("an export is whole or not at all: a service without its part is a bad upstream", async () => {
  const read = composeCollector({
    AUTH: () => Response.json({}),
    NOTES: () => new Response(null, { status: 404 }),
  });
  await expectProblem(read(), 502, "upstream_bad_response");
});

Deno.test("a service that collects exports requires the place of each service with a part", () => {
  assert.throws(
    () => composeCollector({ AUTH: () => Response.json({}) }),
    { name: "ConfigError", message: "Cannot start: NOTES is missing" },
  );
});

const api = () => createApi().openapi(addNote, (c) => c.json({}, 201));
const unruled = createUnruledRoute({
  method: "get",
  path: "/",
  responses: { 200: jsonResponse("A note", Note) },
});
type Lists = ServiceDeclaration<typeof created, "lists", string, Record<string, zm.ZodMiniType>>;

/** Contradiction → the declaration's members, and the line at the start. */
const contradictions: Record<string, readonly [Partial<Lists>, string]> = {
  "a call to an unknown service": [
    { calls: ["note"] },
    'services/lists/service.ts: calls: there is no service "note"',
  ],
  "a secret with a default": [
    {
      settings: {
        LISTS_KEY: setting(zm._default(zm.string(), "abc"), { meaning: "a key", secret: true }),
      },
    },
    "services/lists/service.ts: settings: LISTS_KEY is a secret and has a default",
  ],
  "an event that nobody publishes": [
    { create: () => ({ routes: {}, on: Object.fromEntries([["note.lost", () => []]]) }) },
    'services/lists/service.ts: on: no service publishes "note.lost"',
  ],
  "a route without access rule": [
    {
      create: () => ({
        routes: { "/lists": createApi().openapi(unruled, (c) => c.json({}, 200)) },
      }),
    },
    "services/lists/routes.ts: GET /lists: the route has no access rule",
  ],
  "an export that nothing returns": [
    { exports: "Lists" },
    "services/lists/service.ts: exports: create returns no readExport",
  ],
};
for (const [what, [members, line]] of Object.entries(contradictions)) {
  Deno.test(`a service with ${what} does not start, in one line that names file and member`, () => {
    const { bindings } = createPassports();
    const service = createDefineService({
      events: created,
      eventing,
      policies: createPolicies({}),
      services: ["notes", "lists"],
      folderOf: (name) => `services/${name}/`,
    })({
      name: "lists",
      description: "Lists",
      database: false,
      create: () => ({ routes: { "/lists": api() } }),
      ...members,
    });
    assert.throws(
      () => service.compose(bindings),
      { name: "ConfigError", message: `Cannot start: ${line}` },
    );
  });
}
