import assert from "node:assert/strict";
import { openStore } from "../../tests/support/observed.ts";
import { acceptedTrace, refusedTrace, type SentSpan, traceIdOf } from "../../tests/support/otlp.ts";
import { readMap } from "./map.ts";

const start = 1_772_000_000_000;
const services = ["user", "course"];

/** Parts of a map with traffic, as `name or from>to: requests/errors p50/p95`. */
function show(map: ReturnType<typeof readMap>): string[] {
  const traffic = [
    ...map.nodes.map((node) => [node.name, node] as const),
    ...map.edges.map((edge) => [`${edge.from}>${edge.to}`, edge] as const),
  ];
  return traffic.filter(([, { requests }]) => requests > 0).map((
    [name, { requests, errors, p50Ms, p95Ms }],
  ) => `${name}: ${requests}/${errors} ${p50Ms}/${p95Ms}`);
}

Deno.test("the map counts calls by caller and callee, with their durations", async () => {
  await using fixture = await openStore();
  for (let at = 1; at <= 20; at++) {
    await fixture.send(acceptedTrace({ traceId: traceIdOf(at), start, durationMs: at * 10 }));
  }
  const map = readMap(fixture.db, { since: start, services });
  assert.deepEqual(show(map), [
    "client: 20/0 100/190",
    "gateway: 20/0 100/190",
    "user: 20/0 96/186",
    "redis: 20/0 0.25/0.25",
    "user database: 20/0 0.5/0.5",
    "client>gateway: 20/0 100/190",
    "gateway>redis: 20/0 0.25/0.25",
    "gateway>user: 20/0 98/188",
    "user>user database: 20/0 0.5/0.5",
  ]);
  const kinds = Object.fromEntries(map.nodes.map(({ name, kind }) => [name, kind]));
  assert.deepEqual(kinds, {
    client: "client",
    gateway: "gateway",
    user: "service",
    course: "service",
    redis: "redis",
    "user database": "database",
  });
});

Deno.test("parts without spans in the window stay on the map without traffic", async () => {
  await using fixture = await openStore();
  await fixture.send(acceptedTrace({ traceId: traceIdOf(1), start }));
  const map = readMap(fixture.db, { since: start + 60_000, services });
  assert.deepEqual(show(map), []);
  assert.equal(map.edges.length, 4);
  assert.ok(map.nodes.every(({ p50Ms, p95Ms }) => p50Ms === 0 && p95Ms === 0));
});

Deno.test("an empty map has the gateway, its client and the services", async () => {
  await using fixture = await openStore();
  const map = readMap(fixture.db, { since: 0, services });
  assert.deepEqual(map.nodes.map(({ name }) => name), ["client", "gateway", "user", "course"]);
  assert.deepEqual(map.edges, []);
});

Deno.test("an upstream without spans is shown by the spans of its callers", async () => {
  await using fixture = await openStore();
  const spans = acceptedTrace({ traceId: traceIdOf(1), start })
    .filter(({ service }) => service === "gateway");
  await fixture.send(spans);
  const map = readMap(fixture.db, { since: start, services: [] });
  assert.ok(show(map).includes("user: 1/0 8/8"));
});

const served = { traceId: traceIdOf(1), spanId: "c000000000000001", start, service: "gateway" };
const called = { ...served, kind: 3, attributes: { "edgepass.peer": "user" } };

/** A span, and whether its hop counts as failed; undefined: it is no hop. */
const hops: Readonly<Record<string, readonly [span: SentSpan, hasFailed: boolean | undefined]>> = {
  "a response 404": [
    { ...served, kind: 2, attributes: { "http.response.status_code": 404 } },
    false,
  ],
  "a response 503": [
    { ...served, kind: 2, attributes: { "http.response.status_code": 503 } },
    true,
  ],
  "a call that was refused": [
    {
      ...called,
      isError: true,
      attributes: { ...called.attributes, "http.response.status_code": 409 },
    },
    false,
  ],
  "a call without a response": [{ ...called, isError: true }, true],
  "a query that failed": [
    { ...served, kind: 3, isError: true, attributes: { "db.system.name": "sqlite" } },
    true,
  ],
  "a revoked token": [
    {
      ...served,
      isError: true,
      attributes: { "edgepass.step": "revocation", "edgepass.revocation.answer": "revoked" },
    },
    false,
  ],
  "a Redis that does not respond": [
    {
      ...served,
      isError: true,
      attributes: { "edgepass.step": "revocation", "edgepass.revocation.answer": "unavailable" },
    },
    true,
  ],
  "a fresh verdict": [
    {
      ...served,
      attributes: { "edgepass.step": "revocation", "edgepass.revocation.answer": "fresh" },
    },
    undefined,
  ],
  "work of its own": [served, undefined],
};

for (const [what, [span, hasFailed]] of Object.entries(hops)) {
  const is = hasFailed === undefined ? "is no hop" : hasFailed ? "is a failure" : "is no failure";
  Deno.test(`${what} ${is}`, async () => {
    await using fixture = await openStore();
    await fixture.send([span]);
    const { edges } = readMap(fixture.db, { since: start, services });
    assert.deepEqual(
      edges.map(({ requests, errors }) => [requests, errors]),
      hasFailed === undefined ? [] : [[1, hasFailed ? 1 : 0]],
    );
  });
}

Deno.test("a refused request calls Redis and nothing else", async () => {
  await using fixture = await openStore();
  await fixture.send(refusedTrace({ traceId: traceIdOf(1), start }));
  const { edges } = readMap(fixture.db, { since: start, services });
  assert.deepEqual(edges.map(({ from, to }) => `${from}>${to}`), [
    "client>gateway",
    "gateway>redis",
  ]);
});
