import fc from "fast-check";
import assert from "node:assert/strict";
import { answeredLine, lineOf, openStore } from "../../tests/support/observed.ts";
import { acceptedTrace, refusedTrace, traceIdOf } from "../../tests/support/otlp.ts";
import { readDetail } from "./detail.ts";
import { findRequest, listRequests } from "./lists.ts";

const start = 1_772_000_000_000;
const traceId = traceIdOf(1);
const all = { limit: 500 };

Deno.test("a request has the facts of its span, with every service it touched", async () => {
  await using fixture = await openStore();
  const written = await fixture.send(acceptedTrace({ traceId, start }));
  assert.deepEqual(written.traceIds, [traceId]);
  assert.deepEqual(findRequest(fixture.db, traceId), {
    traceId,
    time: start,
    method: "GET",
    path: "/users/0192",
    route: "/users/{id}",
    status: 200,
    code: null,
    durationMs: 10,
    sub: "0192",
    issuer: "user",
    services: ["gateway", "user"],
    spans: 7,
    logs: 0,
    errorLogs: 0,
  });
});

Deno.test("a request without spans has the facts of the gateway's line", async () => {
  await using fixture = await openStore();
  const line = answeredLine(traceId, {
    time: start + 5,
    route: "/courses",
    status: 401,
    code: "token_expired",
    sub: "0192",
  });
  fixture.store.write({ lines: [line, lineOf({ traceId, level: "error", message: "Broken" })] });
  assert.deepEqual(findRequest(fixture.db, traceId), {
    traceId,
    time: start,
    method: "GET",
    path: "/courses",
    route: "/courses",
    status: 401,
    code: "token_expired",
    durationMs: 5,
    sub: "0192",
    issuer: null,
    services: ["gateway", "course"],
    spans: 0,
    logs: 2,
    errorLogs: 1,
  });
});

const orders = { "span first": [0, 1], "line first": [1, 0] } as const;
for (const [what, order] of Object.entries(orders)) {
  Deno.test(`span and line of one request are one row, ${what}`, async () => {
    await using fixture = await openStore();
    const line = answeredLine(traceId, { time: start + 12, durationMs: 9.9, sub: "from-line" });
    const [root] = refusedTrace({ traceId, start });
    assert.ok(root);
    const { "user.id": _sub, ...attributes } = root.attributes ?? {};
    const steps = [
      () => fixture.send([{ ...root, attributes }]),
      () => Promise.resolve(fixture.store.write({ lines: [line] })),
    ];
    for (const at of order) await steps[at]?.();
    const { items } = listRequests(fixture.db, all);
    assert.equal(items.length, 1);
    const [row] = items;
    // The span is more exact; what it lacks comes from the line.
    assert.deepEqual([row?.time, row?.status, row?.code], [start, 401, "token_revoked"]);
    assert.equal(row?.sub, "from-line");
    assert.deepEqual([row?.spans, row?.logs], [1, 1]);
    assert.equal(fixture.store.counts().requests, 1);
  });
}

Deno.test("the last of several requests in one trace is the row, in any order of arrival", async () => {
  await using fixture = await openStore();
  const line = (time: number, path: string) => answeredLine(traceId, { time: start + time, path });
  fixture.store.write({
    lines: [line(1_000, "/first"), line(5_000, "/last"), line(3_000, "/second")],
  });
  assert.equal(findRequest(fixture.db, traceId)?.path, "/last");
  assert.equal(fixture.store.counts().requests, 1);
});

Deno.test("a later request of a trace is the row, even with only a line", async () => {
  await using fixture = await openStore();
  await fixture.send(acceptedTrace({ traceId, start }));
  fixture.store.write({ lines: [answeredLine(traceId, { time: start + 9_000, path: "/later" })] });
  assert.equal(findRequest(fixture.db, traceId)?.path, "/later");
});

Deno.test("spans that arrive before the gateway's are not listed as a request until it arrives", async () => {
  await using fixture = await openStore();
  const [root, ...rest] = acceptedTrace({ traceId, start });
  assert.ok(root);
  await fixture.send(rest);
  assert.equal(findRequest(fixture.db, traceId), undefined);
  assert.equal(readDetail(fixture.db, traceId)?.request, null);
  assert.equal(readDetail(fixture.db, traceId)?.spans.length, 6);
  await fixture.send([root]);
  assert.equal(findRequest(fixture.db, traceId)?.spans, 7);
});

Deno.test("a repeated export is stored once", async () => {
  await using fixture = await openStore();
  const spans = acceptedTrace({ traceId, start });
  await fixture.send(spans);
  assert.equal((await fixture.send(spans)).added.spans, 0);
  assert.equal(findRequest(fixture.db, traceId)?.spans, 7);
});

Deno.test("a trace that never ends is cut", async () => {
  await using fixture = await openStore();
  for (let round = 0; round < 3; round++) {
    await fixture.send(Array.from({ length: 500 }, (_, at) => ({
      traceId,
      spanId: (round * 500 + at + 1).toString(16).padStart(16, "c"),
      service: "course",
      start,
    })));
  }
  assert.equal(readDetail(fixture.db, traceId)?.spans.length, 1_000);
});

Deno.test("a line that is too long is cut", async () => {
  await using fixture = await openStore();
  const fields = { text: "y".repeat(40_000) };
  const { lines: [line] } = fixture.store.write({
    lines: [lineOf({ traceId, message: "x".repeat(10_000), fields })],
  });
  assert.equal(line?.message.length, 8_192);
  assert.match(String(line?.fields.cut), /^\d+ characters of fields$/);
});

Deno.test("the oldest requests are deleted first, with their spans and lines", async () => {
  await using fixture = await openStore({ maxRequests: 40 });
  for (let at = 0; at < 100; at++) {
    const id = traceIdOf(at);
    await fixture.send(acceptedTrace({ traceId: id, start: start + at }));
    fixture.store.write({ lines: [answeredLine(id, { time: start + at + 5 })] });
    assert.ok(fixture.store.counts().requests <= 40);
  }
  const { items } = listRequests(fixture.db, all);
  assert.equal(items.length, fixture.store.counts().requests);
  assert.ok(items.length >= 39);
  assert.equal(items[0]?.traceId, traceIdOf(99));
  assert.ok(items.every(({ spans, logs }) => spans === 7 && logs === 1));
  assert.equal(readDetail(fixture.db, traceIdOf(0)), undefined);
  const count = (table: string) => fixture.db.get(`SELECT count(*) AS n FROM ${table}`)?.n;
  assert.equal(count("spans"), items.length * 7);
  assert.equal(count("lines"), items.length);
});

Deno.test("the oldest lines are deleted first", async () => {
  await using fixture = await openStore({ maxLines: 40 });
  for (let at = 0; at < 100; at++) fixture.store.write({ lines: [lineOf({ message: `${at}` })] });
  const rows = fixture.db.all("SELECT message FROM lines ORDER BY id DESC");
  assert.equal(rows.length, fixture.store.counts().logs);
  assert.ok(rows.length <= 40 && rows.length >= 39);
  assert.equal(rows[0]?.message, "99");
});

Deno.test("traces that did not pass the gateway have a limit of their own", async () => {
  await using fixture = await openStore({ maxOthers: 40 });
  await fixture.send(acceptedTrace({ traceId, start: start - 1_000 }));
  for (let at = 0; at < 100; at++) {
    const maintain = {
      traceId: traceIdOf(1_000 + at),
      spanId: "c000000000000001",
      service: "auth",
    };
    await fixture.send([{ ...maintain, start: start + at }]);
  }
  assert.equal(findRequest(fixture.db, traceId)?.spans, 7);
  assert.equal(readDetail(fixture.db, traceIdOf(1_000)), undefined);
  assert.notEqual(readDetail(fixture.db, traceIdOf(1_099)), undefined);
});

Deno.test("spans have a limit of their own", async () => {
  await using fixture = await openStore({ maxSpans: 70, maxRequests: 1_000 });
  for (let at = 0; at < 60; at++) {
    await fixture.send(acceptedTrace({ traceId: traceIdOf(at), start: start + at }));
    assert.ok(Number(fixture.db.get("SELECT count(*) AS n FROM spans")?.n) <= 70);
  }
  assert.notEqual(findRequest(fixture.db, traceIdOf(59)), undefined);
});

Deno.test("the counts match the rows, whatever arrives in any order", async () => {
  const trace = fc.nat({ max: 8 });
  const event = fc.oneof(
    fc.record({ kind: fc.constant("spans" as const), trace }),
    fc.record({ kind: fc.constant("orphans" as const), trace }),
    fc.record({ kind: fc.constant("lines" as const), trace }),
    fc.record({ kind: fc.constant("others" as const), trace }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      await using fixture = await openStore({
        maxRequests: 4,
        maxOthers: 3,
        maxLines: 10,
        maxSpans: 30,
      });
      for (const [at, { kind, trace: number }] of events.entries()) {
        const id = traceIdOf(number);
        const spans = acceptedTrace({ traceId: id, start: start + at });
        if (kind === "spans") await fixture.send(spans);
        if (kind === "orphans") await fixture.send(spans.slice(1));
        if (kind === "lines") {
          fixture.store.write({ lines: [answeredLine(id, { time: start + at })] });
        }
        if (kind === "others") {
          fixture.store.write({ lines: [lineOf({ traceId: id, message: "x" })] });
        }
        const count = (from: string) =>
          Number(fixture.db.get(`SELECT count(*) AS n FROM ${from}`)?.n);
        assert.deepEqual(fixture.store.counts(), {
          requests: count("requests WHERE is_request = 1"),
          logs: count("lines"),
        });
        assert.ok(count("requests WHERE is_request = 1") <= 4);
        assert.ok(count("requests WHERE is_request = 0") <= 3);
        assert.ok(count("lines") <= 10 && count("spans") <= 30);
        assert.equal(count("spans WHERE request NOT IN (SELECT id FROM requests)"), 0);
        assert.equal(count("lines WHERE request NOT IN (SELECT id FROM requests)"), 0);
      }
    }),
    { numRuns: 30 },
  );
});
