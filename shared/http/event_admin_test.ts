import assert from "node:assert/strict";
import * as z from "zod/mini";
import { createClub, sayName } from "../../tests/support/delivered_events.ts";
import { createTestEvents, eventBindings, openEventTables } from "../../tests/support/events.ts";
import { createPassports } from "../../tests/support/passports.ts";
import {
  createCaller,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import type { EventEndpoint } from "../events/mod.ts";
import { orm } from "../sql/store.ts";
import { createService } from "./create_service.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const base = "/admin/events/club";
const admin = { as: person("a1", "admin") };
const unreachable = () => {
  throw new TypeError("Connection refused");
};

/** A service with these events, and a caller for it. */
function serve(events: EventEndpoint, now = Date.now) {
  const passports = createPassports({ now });
  const lines: Record<string, unknown>[] = [];
  const runtime = createServiceRuntime(
    { ...passports.bindings, ...eventBindings, LOG_LEVEL: "info" },
    { now, sink: (line) => void lines.push(JSON.parse(line)) },
  );
  const app = createService({ name: events.service, runtime, events });
  return {
    app,
    call: createCaller(app, passports),
    audited: () => lines.filter((line) => line.audit),
  };
}

/** A club with two dead letters, one of them poison. */
async function setup() {
  const club = await createClub();
  await club.publish(sayName({ id: "e1", name: 1, time: club.clock.now() }));
  club.setAbsence(unreachable);
  await club.publish(sayName({ id: "e2", time: club.clock.now() }));
  await club.giveUp();
  club.setAbsence();
  const { items } = await club.events().deadLetters.list({ limit: 100 });
  const [poison, missed] = items.map(({ id }) => id);
  assert.ok(poison && missed);
  const dispose = () => club[Symbol.asyncDispose]();
  const served = serve(club.events(), club.clock.now);
  return { club, poison, missed, ...served, [Symbol.asyncDispose]: dispose };
}

const everyRoute = (id: string) =>
  [
    ["GET", `${base}/dead-letters`],
    ["GET", `${base}/dead-letters/${id}`],
    ["POST", `${base}/dead-letters/${id}/replay`],
    ["POST", `${base}/dead-letters/replay?poison=true`],
    ["DELETE", `${base}/dead-letters/${id}`],
    ["GET", `${base}/outbox`],
    ["POST", `${base}/outbox/unpark`],
    ["GET", `${base}/nothing`],
  ] as const;

const refused = {
  "a caller without a Passport": [null, 401, "passport_required"],
  "an anonymous caller": [{ sub: "anon" }, 401, "authentication_required"],
  "a learner": [person("l1", "learner"), 403, "forbidden"],
  "an instructor": [person("t1", "learner", "instructor"), 403, "forbidden"],
  "a service with the role": [{ sub: "svc:course", roles: ["admin"] }, 403, "forbidden"],
} as const;
for (const [what, [as, status, code]] of Object.entries(refused)) {
  Deno.test(`the admin API of events refuses ${what} [E06]`, async () => {
    await using made = await setup();
    const before = made.club.calls.length;
    for (const [method, path] of everyRoute(made.missed)) {
      await expectProblem(made.call(method, path, { as }), status, code);
    }
    assert.equal(made.club.calls.length, before, "QStash got no request");
    assert.deepEqual(made.audited(), []);
    assert.equal((await made.club.events().deadLetters.list({ limit: 9 })).items.length, 2);
  });
}

Deno.test("an administrator lists the dead letters of the service in pages", async () => {
  await using made = await setup();
  const first = await (await made.call("GET", `${base}/dead-letters?limit=1`, admin)).json();
  assert.deepEqual(first.items.map(({ eventId }: { eventId: string }) => eventId), ["e1"]);
  const path = `${base}/dead-letters?limit=1&cursor=${first.nextCursor}`;
  const second = await (await made.call("GET", path, admin)).json();
  assert.deepEqual(second.items.map(({ poison }: { poison: boolean }) => poison), [false]);
  const complete = await (await made.call("GET", `${base}/dead-letters/${made.missed}`, admin))
    .json();
  assert.deepEqual([complete.eventId, complete.event.id, complete.answer], ["e2", "e2", null]);
  for (const query of ["limit=0", "limit=101", "cursor=made-up"]) {
    const response = made.call("GET", `${base}/dead-letters?${query}`, admin);
    await expectProblem(response, 422, "validation_failed");
  }
});

Deno.test("an administrator replays a dead letter once, and the audit log has one line [E06]", async () => {
  await using made = await setup();
  const path = `${base}/dead-letters/${made.missed}/replay`;
  const response = await made.call("POST", path, admin);
  assert.deepEqual([response.status, await response.json()], [200, { replayed: 1 }]);
  await expectProblem(made.call("POST", path, admin), 404, "not_found");
  await made.club.step();
  assert.deepEqual(await made.club.people(), [["p1", "Ada", 1]]);
  const lines = made.audited();
  assert.equal(lines.length, 1);
  const [line] = lines;
  assert.deepEqual(
    [line?.message, line?.audit, line?.by, line?.event, line?.deadLetter],
    ["Dead letter replayed", `POST ${path}`, "user:a1", "e2", made.missed],
  );
});

Deno.test("a call to QStash without a response is audited with an unknown outcome", async () => {
  await using made = await setup();
  made.club.setFault((request) =>
    request.method === "GET" ? undefined : new Response(null, { status: 500 })
  );
  const path = `${base}/dead-letters`;
  for (
    const [method, target] of [
      ["POST", `${path}/${made.missed}/replay`],
      ["POST", `${path}/replay`],
      ["DELETE", `${path}/${made.missed}`],
    ] as const
  ) {
    await expectProblem(made.call(method, target, admin), 503, "upstream_unavailable");
  }
  assert.deepEqual(
    made.audited().map(({ message, by, outcome }) => [message, by, outcome]),
    [
      ["Dead letter replayed", "user:a1", "unknown"],
      ["Dead letters replayed", "user:a1", "unknown"],
      ["Dead letter dropped", "user:a1", "unknown"],
    ],
  );
});

Deno.test("a replay of all dead letters includes poison only if requested", async () => {
  await using made = await setup();
  const path = `${base}/dead-letters/replay`;
  const first = await made.call("POST", path, admin);
  assert.deepEqual(await first.json(), { replayed: 1, poison: 1, more: false });
  const second = await made.call("POST", `${path}?poison=true`, admin);
  assert.deepEqual(await second.json(), { replayed: 1, poison: 0, more: false });
  await expectProblem(made.call("POST", `${path}?poison=yes`, admin), 422, "validation_failed");
  assert.deepEqual(
    made.audited().map(({ message, by, withPoison }) => [message, by, withPoison]),
    [["Dead letters replayed", "user:a1", false], ["Dead letters replayed", "user:a1", true]],
  );
});

Deno.test("an administrator deletes a dead letter", async () => {
  await using made = await setup();
  const path = `${base}/dead-letters/${made.poison}`;
  await expectNoContent(made.call("DELETE", path, admin));
  await expectProblem(made.call("DELETE", path, admin), 404, "not_found");
  assert.deepEqual(
    made.audited().map(({ message, by, event }) => [message, by, event]),
    [["Dead letter dropped", "user:a1", "e1"]],
  );
});

Deno.test("other methods get 405, and the OpenAPI document does not contain the routes", async () => {
  await using made = await setup();
  const response = await made.call("PUT", `${base}/outbox`, admin);
  assert.equal(response.headers.get("allow"), "GET, HEAD");
  await expectProblem(response, 405, "method_not_allowed");
  const { paths } = await (await made.call("GET", "/openapi.json")).json();
  assert.deepEqual(paths, {});
});

Deno.test("an operator lists parked events and releases them after the cause is fixed [F15]", async () => {
  using sql = await openEventTables();
  const noted = {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["search"],
    data: z.object({}),
  } as const;
  const { events, qstash, clock } = createTestEvents({
    service: "notes",
    table: { "note.written": noted },
    sql,
  });
  await orm(sql).batch(events.outbox.add({ type: "note.written", subject: "n1", data: {} }));
  qstash.fail(() => new Response(null, { status: 401 }));
  await events.maintain();
  const { call, audited } = serve(events, clock.now);
  clock.advance(90_000);
  const path = "/admin/events/notes/outbox";
  const before = await (await call("GET", path, admin)).json();
  assert.deepEqual([before.waiting, before.oldestSeconds], [0, null]);
  assert.deepEqual(
    before.parked.map((
      { type, subject, reason }: Record<string, string>,
    ) => [type, subject, reason]),
    [["note.written", "n1", "QStash returned 401"]],
  );
  qstash.fail(() => new Response(null, { status: 500 }));
  const response = await call("POST", `${path}/unpark`, admin);
  assert.deepEqual([response.status, await response.json()], [200, { unparked: 1 }]);
  await events.maintain();
  const between = await (await call("GET", path, admin)).json();
  assert.deepEqual(between, { waiting: 1, oldestSeconds: 90, parked: [] });
  qstash.fail();
  clock.advance(5_000);
  await events.maintain();
  assert.equal(qstash.messages.length, 1);
  const [line] = audited();
  assert.deepEqual([line?.message, line?.by, line?.unparked], [
    "Parked events released",
    "user:a1",
    1,
  ]);
});
