import assert from "node:assert/strict";
import { answeredLine, openStore } from "../../tests/support/observed.ts";
import { createApiClient } from "../system/api_client.ts";
import { openDatabase } from "./database.ts";
import { listRequests, searchLines } from "./lists.ts";
import { createOwnTraces } from "./own_traces.ts";
import { readLogsQuery, readRequestsQuery } from "./read_api.ts";

const start = 1_772_000_000_000;

const traceOf = (traceparent: string | null) => traceparent?.split("-")[1] ?? "";

/** A gateway that responds in the trace it receives, or as `restart` in one of its own. */
function startGateway(restart?: string) {
  const seen: Headers[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    seen.push(request.headers);
    const traceId = restart ?? traceOf(request.headers.get("traceparent"));
    return Response.json({ success: true, data: 1 }, { headers: { "x-trace-id": traceId } });
  });
  return { port: server.addr.port, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function setup(restart?: string) {
  const fixture = await openStore();
  const gateway = startGateway(restart);
  const traces = createOwnTraces(fixture.db);
  const client = createApiClient({ port: gateway.port, host: "edgepass.test", traces });
  const list = (query: string) => {
    const url = new URL(`http://dashboard/?${query}`);
    return {
      rows: listRequests(fixture.db, readRequestsQuery(url)).items,
      lines: searchLines(fixture.db, readLogsQuery(url)).items,
    };
  };
  return {
    ...fixture,
    traces,
    client,
    list,
    seen: gateway.seen,
    async [Symbol.asyncDispose]() {
      client.close();
      await gateway[Symbol.asyncDispose]();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

const other = "f".repeat(32);

for (const [what, restart] of [["continues", undefined], ["starts", "a".repeat(32)]] as const) {
  Deno.test(`the dashboard's own call is left out on demand where the gateway ${what} traces`, async () => {
    await using fixture = await setup(restart);
    await fixture.client.call("GET", "/admin/configuration");
    const own = restart ?? traceOf(fixture.seen[0]?.get("traceparent") ?? null);
    assert.match(own, /^[0-9a-f]{32}$/);
    const lines = [own, other].map((traceId, at) => answeredLine(traceId, { time: start + at }));
    fixture.store.write({ lines: [...lines, { ...lines[0]!, traceId: null }] });
    for (const query of ["", "own=show"]) {
      const { rows, lines } = fixture.list(query);
      assert.deepEqual(rows.map(({ traceId, isOwn }) => [traceId, isOwn]), [
        [other, undefined],
        [own, true],
      ]);
      assert.deepEqual(lines.map(({ isOwn }) => isOwn), [undefined, undefined, true]);
    }
    const { rows, lines: left } = fixture.list("own=hide");
    assert.deepEqual(rows.map(({ traceId }) => traceId), [other]);
    assert.deepEqual(left.map(({ traceId }) => traceId), [null, other]);
    assert.deepEqual([fixture.traces.has(own), fixture.traces.has(other)], [true, false]);
  });
}

Deno.test("the dashboard's calls carry only a trace id that a client cannot predict", async () => {
  await using fixture = await setup();
  await fixture.client.call("GET", "/a");
  await fixture.client.call("GET", "/a");
  const traces = fixture.seen.map((headers) => traceOf(headers.get("traceparent")));
  assert.equal(new Set(traces).size, 2);
  const names = [...fixture.seen[0]!.keys()].filter((name) => /edgepass|dashboard|dev/.test(name));
  assert.deepEqual(names, []);
});

Deno.test("the number of stored own traces is bounded", async () => {
  await using fixture = await setup();
  fixture.db.run(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     INSERT INTO own_traces (trace_id) SELECT printf('%032x', i) FROM n`,
  );
  const first = "1".padStart(32, "0");
  assert.equal(fixture.traces.has(first), true);
  fixture.traces.served(other);
  assert.equal(fixture.traces.has(first), false);
  assert.equal(fixture.traces.has(other), true);
  fixture.traces.served("no trace");
  assert.equal(fixture.db.get("SELECT count(*) AS n FROM own_traces")?.n, 20_000);
});

Deno.test("a store of 0.1.0 without the table keeps its rows", async () => {
  await using fixture = await openStore();
  fixture.store.write({ lines: [answeredLine(other, { time: start })] });
  fixture.db.run("DROP TABLE own_traces");
  fixture.close();
  const moved: string[] = [];
  using db = openDatabase(fixture.path, (path) => moved.push(path));
  assert.equal(listRequests(db, { limit: 10, own: "hide" }).items.length, 1);
  assert.deepEqual(moved, []);
});
