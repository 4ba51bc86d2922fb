import assert from "node:assert/strict";
import { openStore } from "../../tests/support/observed.ts";
import { checkDatabase, checkHttp, checkRedis } from "./checks.ts";

/** A server with given responses, and its client. */
function setup() {
  const responses: Response[] = [];
  const requests: Headers[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      requests.push(new Headers(request.headers));
      return responses.shift() ?? new Response(null, { status: 500 });
    },
  );
  const { port } = server.addr;
  const client = Deno.createHttpClient({ allowHost: true });
  return {
    responses,
    requests,
    port,
    shutdown: () => server.shutdown(),
    askHttp: checkHttp({ port, host: "learn.test", client }),
    askRedis: checkRedis({ url: `http://127.0.0.1:${port}`, token: "the-token" }),
    async [Symbol.asyncDispose]() {
      client.close();
      await server.shutdown();
    },
  };
}

const notReady = { status: "not ready", checks: { database: "StoreUnavailable", keys: "ready" } };

Deno.test("a program is starting, then ready or not by its own report, then down", async () => {
  await using fixture = setup();
  const { askHttp, responses } = fixture;
  responses.push(Response.json({ status: "ready" }), Response.json(notReady, { status: 503 }));
  responses.push(new Response("no JSON", { status: 503 }));
  assert.deepEqual(await askHttp(), { state: "ready", reason: "" });
  assert.equal(fixture.requests[0]?.get("host"), "learn.test");
  assert.deepEqual(await askHttp(), { state: "not ready", reason: "database: StoreUnavailable" });
  assert.deepEqual(await askHttp(), { state: "not ready", reason: "status 503" });
  await fixture.shutdown();
  assert.deepEqual(await askHttp(), { state: "down", reason: "the connection was refused" });
});

Deno.test("a gateway that is ready without one of its issuers names it", async () => {
  await using fixture = setup();
  const checks = { revocation: "ready", "issuer corp": "no key set could be read" };
  fixture.responses.push(Response.json({ status: "ready", degraded: ["corp"], checks }));
  const expected = { state: "ready", reason: "issuer corp: no key set could be read" };
  assert.deepEqual(await fixture.askHttp(), expected);
});

Deno.test("a program that has never responded is starting", async () => {
  const fixture = setup();
  await fixture.shutdown();
  assert.equal((await fixture.askHttp()).state, "starting");
  await fixture[Symbol.asyncDispose]();
});

Deno.test("a Redis endpoint is ready when it replies to PING", async () => {
  await using fixture = setup();
  const { askRedis, responses, requests } = fixture;
  responses.push(Response.json({ result: "PONG" }));
  responses.push(Response.json({ error: "Unauthorized" }, { status: 401 }));
  responses.push(new Response("no JSON"));
  assert.deepEqual(await askRedis(), { state: "ready", reason: "" });
  assert.equal(requests[0]?.get("authorization"), "Bearer the-token");
  const refused = await askRedis();
  assert.deepEqual(refused, { state: "not ready", reason: "PING returned status 401" });
  assert.equal((await askRedis()).state, "down");
  await fixture.shutdown();
  assert.deepEqual(await askRedis(), { state: "down", reason: "the connection was refused" });
});

Deno.test("a database is ready when it can be read", async () => {
  await using fixture = await openStore();
  assert.deepEqual(await checkDatabase(fixture.path)(), { state: "ready", reason: "" });
  assert.equal((await checkDatabase(`${fixture.folder}/none.sqlite`)()).state, "not ready");
  Deno.writeTextFileSync(`${fixture.folder}/text.sqlite`, "no database ".repeat(500));
  assert.match((await checkDatabase(`${fixture.folder}/text.sqlite`)()).reason, /not a database/);
});
