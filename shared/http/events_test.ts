import assert from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import { sql as text } from "drizzle-orm";
import {
  createFakeQstash,
  eventBindings,
  openEventTables,
  signDelivery,
} from "../../tests/support/events.ts";
import { createPassports } from "../../tests/support/passports.ts";
import { createCaller, expectProblem } from "../../tests/support/services.ts";
import { runInvocation } from "../isolate.ts";
import { createEvents } from "../events/mod.ts";
import { orm } from "../sql/store.ts";
import type { SqlDb } from "../sql/statement.ts";
import { createApi } from "./api.ts";
import { createService } from "./create_service.ts";
import { jsonBody, jsonResponse } from "./openapi.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const Titled = z.object({ title: z.string() });
const table = {
  "course.changed": {
    source: "/course",
    version: 1,
    facet: "course",
    consumers: ["enrollment"],
    data: Titled,
  },
  "course.deleted": {
    source: "/course",
    version: 1,
    facet: "end",
    consumers: ["enrollment"],
    data: z.object({}),
  },
} as const;

const Course = z.object({ title: z.string() });
const renameCourse = createRoute({
  method: "put",
  path: "/{id}",
  operationId: "renameCourse",
  request: { params: z.object({ id: z.string() }), ...jsonBody(Course) },
  responses: { 200: jsonResponse("The course", Course) },
});

const traceId = "0af7651916cd43dd8448eb211c80319c";

/** The settings of a trust domain whose events go through a fake QStash over HTTP. */
function serveQstash() {
  const qstash = createFakeQstash();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => qstash.fetch(request),
  );
  const passports = createPassports();
  const bindings = {
    ...passports.bindings,
    ...eventBindings,
    LOG_LEVEL: "info",
    QSTASH_URL: `http://127.0.0.1:${server.addr.port}`,
  };
  return { qstash, passports, bindings, stop: () => server.shutdown() };
}

type Setting = Readonly<Record<string, string>>;

/** A service that publishes events: courses get titles. */
function composeCourse(sql: SqlDb, bindings: Setting) {
  const runtime = createServiceRuntime(bindings, { sink: () => {} });
  const events = createEvents({ service: "course", table, sql, bindings, runtime });
  const db = orm(sql);
  const routes = createApi().openapi(renameCourse, async (c) => {
    const { id } = c.req.valid("param");
    const { title } = c.req.valid("json");
    await db.batch([
      db.run(text`INSERT INTO courses VALUES (${id}, ${title})
        ON CONFLICT DO UPDATE SET title = excluded.title`),
      ...events.outbox.add({ type: "course.changed", subject: id, data: { title } }),
    ]);
    return c.json({ title }, 200);
  });
  const app = createService({ name: "course", runtime, events });
  app.route("/courses", routes);
  return { app, events };
}

/** A service that consumes them: enrollments show titles. */
function composeEnrollment(sql: SqlDb, bindings: Setting, idempotency?: SqlDb) {
  const lines: Record<string, unknown>[] = [];
  const runtime = createServiceRuntime(bindings, {
    sink: (line) => void lines.push(JSON.parse(line)),
  });
  const events = createEvents({ service: "enrollment", table, sql, bindings, runtime });
  const db = orm(sql);
  const storeTitle = ({ subject, data }: { subject: string; data: { title: string } }) => [
    db.run(text`INSERT INTO courses VALUES (${subject}, ${data.title})
      ON CONFLICT DO UPDATE SET title = excluded.title`),
  ];
  events.on({ "course.changed": storeTitle });
  events.on({
    "course.deleted": ({ subject }) => [
      db.run(text`DELETE FROM courses WHERE id = ${subject}`),
    ],
  });
  const app = createService({ name: "enrollment", runtime, events, idempotency });
  return { app, lines };
}

const courses = "CREATE TABLE courses (id TEXT PRIMARY KEY, title TEXT NOT NULL)";

Deno.test("a change in one service reaches another in the trace of its request", async () => {
  const { qstash, passports, bindings, stop } = serveQstash();
  using courseDb = await openEventTables(courses);
  using enrollmentDb = await openEventTables(courses);
  const course = composeCourse(courseDb, bindings);
  const background: Promise<unknown>[] = [];
  const invocation = { waitUntil: (work: Promise<unknown>) => void background.push(work) };
  const enrollment = composeEnrollment(enrollmentDb, bindings);
  const call = createCaller(course.app, passports);
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const options = { body: { title: "Knots" }, headers: { traceparent } };
  const response = await runInvocation(invocation, () => call("PUT", "/courses/c1", options));
  assert.equal(response.status, 200);
  await response.text();
  await Promise.all(background);

  const [message] = qstash.messages;
  assert.ok(message);
  assert.equal(message.destination, "https://school.test/events/enrollment");
  for (let round = 0; round < 2; round++) {
    const delivered = await enrollment.app.request("/events/enrollment", {
      method: "POST",
      headers: {
        "content-type": message.headers["content-type"] ?? "",
        "upstash-signature": await signDelivery(message.destination, message.body),
        traceparent: message.headers["upstash-forward-traceparent"] ?? "",
      },
      body: message.body,
    });
    assert.equal(delivered.status, 200);
    assert.deepEqual(await delivered.json(), { outcome: round === 0 ? "applied" : "duplicate" });
  }
  const rows = await enrollmentDb.run({ sql: "SELECT id, title FROM courses", params: [] });
  assert.deepEqual(rows, [["c1", "Knots"]]);
  const handled = enrollment.lines.filter(({ message }) => message === "Event handled");
  assert.deepEqual(handled.map((line) => line.traceId), [traceId, traceId]);
  await stop();
});

Deno.test("the response to a change does not wait for QStash", async () => {
  const { qstash, passports, bindings, stop } = serveQstash();
  const release = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  qstash.fail(async () => {
    called.resolve();
    await release.promise;
    return new Response(null, { status: 500 });
  });
  using sql = await openEventTables(courses);
  const { app, events } = composeCourse(sql, bindings);
  const call = createCaller(app, passports);
  const response = await call("PUT", "/courses/c1", { body: { title: "Knots" } });
  assert.equal(response.status, 200);
  await response.text();
  await called.promise;
  assert.equal((await events.waiting()).waiting, 1);
  release.resolve();
  await stop();
});

async function post(app: ReturnType<typeof composeEnrollment>["app"], path: string, body: string) {
  const signature = await signDelivery(`https://school.test${path}`, body);
  return await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", "upstash-signature": signature },
    body,
  });
}

Deno.test("a delivery that is not an event gets 489, so that QStash does not retry it", async () => {
  const { bindings, stop } = serveQstash();
  using sql = await openEventTables(courses);
  const { app } = composeEnrollment(sql, bindings);
  for (const body of ["{", "[]", "{}", "\ufeff{}", "[".repeat(70)]) {
    const response = await post(app, "/events/enrollment", body);
    assert.equal(response.headers.get("upstash-nonretryable-error"), "true");
    await expectProblem(response, 489, "event_unusable");
  }
  await stop();
});

const refused = {
  "an unsigned delivery": ["/events/enrollment", "{}", undefined, 401, "event_signature_invalid"],
  "an unsigned failure callback": [
    "/events/enrollment/failed",
    "{}",
    undefined,
    401,
    "event_signature_invalid",
  ],
  "a delivery that is too large": [
    "/events/enrollment",
    "x".repeat(262_145),
    undefined,
    413,
    "payload_too_large",
  ],
} as const;
for (const [what, [path, body, , status, code]] of Object.entries(refused)) {
  Deno.test(`a service refuses ${what}`, async () => {
    const { bindings, stop } = serveQstash();
    using sql = await openEventTables(courses);
    const { app } = composeEnrollment(sql, bindings);
    await expectProblem(app.request(path, { method: "POST", body }), status, code);
    await stop();
  });
}

Deno.test("a failure callback is received at its own path and logged", async () => {
  const { bindings, stop } = serveQstash();
  using sql = await openEventTables(courses);
  const { app, lines } = composeEnrollment(sql, bindings);
  const sourceBody = btoa('{"type":"course.changed","id":"e1","subject":"c1","data":{}}');
  const body = JSON.stringify({ status: 500, dlqId: "dlq-1", sourceBody });
  const response = await post(app, "/events/enrollment/failed", body);
  assert.deepEqual(await response.json(), { outcome: "noted" });
  const [line] = lines.filter(({ level }) => level === "error");
  assert.deepEqual([line?.type, line?.event, line?.dlqId], ["course.changed", "e1", "dlq-1"]);
  await stop();
});

Deno.test("a service without a handler for a consumed type is not created", async () => {
  const { bindings, stop } = serveQstash();
  using sql = await openEventTables();
  const runtime = createServiceRuntime(bindings, { sink: () => {} });
  const events = createEvents({ service: "enrollment", table, sql, bindings, runtime });
  events.on({ "course.changed": () => [] });
  assert.throws(
    () => createService({ name: "enrollment", runtime, events }),
    /enrollment has no handler for course\.deleted/,
  );
  await stop();
});

/** The columns of every service's table. */
const storedResponses = `CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY,
  body_hash TEXT NOT NULL, caller TEXT NOT NULL, body TEXT, expires_at INTEGER NOT NULL);
  INSERT INTO idempotency_keys VALUES ('1', '', 'user:ann', '{}', 9e12),
    ('2', '', 'user:ann', '{}', 9e12), ('3', '', 'user:bob', '{}', 9e12)`;

Deno.test("the deletion of a person deletes their stored responses, and no other's", async () => {
  const { bindings, stop } = serveQstash();
  using sql = await openEventTables(`${courses}; ${storedResponses}`);
  const { app } = composeEnrollment(sql, bindings, sql);
  const body = JSON.stringify({
    specversion: "1.0",
    id: "e1",
    source: "/course",
    type: "course.deleted",
    subject: "ann",
    time: "2026-03-01T09:29:58.000Z",
    datacontenttype: "application/json",
    dataschema: "urn:edgepass:event:course.deleted:1",
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    sequence: "1".padStart(20, "0"),
    data: {},
  });
  const response = await post(app, "/events/enrollment", body);
  assert.deepEqual([response.status, await response.json()], [200, { outcome: "applied" }]);
  const left = await sql.run({ sql: "SELECT key, caller FROM idempotency_keys", params: [] });
  assert.deepEqual(left, [["3", "user:bob"]]);
  await stop();
});
