import assert from "node:assert/strict";
import { openStore } from "../../tests/support/observed.ts";
import { checkDatabase, checkHttp, checkRedis } from "./checks.ts";

/** A server that answers what it is told, and the client that asks it. */
function setup() {
  const answers: Response[] = [];
  const asked: Headers[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      asked.push(new Headers(request.headers));
      return answers.shift() ?? new Response(null, { status: 500 });
    },
  );
  const { port } = server.addr;
  const client = Deno.createHttpClient({ allowHost: true });
  return {
    answers,
    asked,
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

Deno.test("a program is starting, then ready or not by its own account, then down", async () => {
  await using world = setup();
  const { askHttp, answers } = world;
  answers.push(Response.json({ status: "ready" }), Response.json(notReady, { status: 503 }));
  answers.push(new Response("no JSON", { status: 503 }));
  assert.deepEqual(await askHttp(), { state: "ready", reason: "" });
  assert.equal(world.asked[0]?.get("host"), "learn.test");
  assert.deepEqual(await askHttp(), { state: "not ready", reason: "database: StoreUnavailable" });
  assert.deepEqual(await askHttp(), { state: "not ready", reason: "status 503" });
  await world.shutdown();
  assert.deepEqual(await askHttp(), { state: "down", reason: "nobody listens there" });
});

Deno.test("a program that has never answered is starting", async () => {
  const world = setup();
  await world.shutdown();
  assert.equal((await world.askHttp()).state, "starting");
  await world[Symbol.asyncDispose]();
});

Deno.test("a Redis endpoint is ready when it answers PING", async () => {
  await using world = setup();
  const { askRedis, answers, asked } = world;
  answers.push(Response.json({ result: "PONG" }));
  answers.push(Response.json({ error: "Unauthorized" }, { status: 401 }));
  answers.push(new Response("no JSON"));
  assert.deepEqual(await askRedis(), { state: "ready", reason: "" });
  assert.equal(asked[0]?.get("authorization"), "Bearer the-token");
  const refused = await askRedis();
  assert.deepEqual(refused, { state: "not ready", reason: "PING was answered with status 401" });
  assert.equal((await askRedis()).state, "down");
  await world.shutdown();
  assert.deepEqual(await askRedis(), { state: "down", reason: "nobody listens there" });
});

Deno.test("a database is ready when it can be read", async () => {
  await using world = await openStore();
  assert.deepEqual(await checkDatabase(world.path)(), { state: "ready", reason: "" });
  assert.equal((await checkDatabase(`${world.folder}/none.sqlite`)()).state, "not ready");
  Deno.writeTextFileSync(`${world.folder}/text.sqlite`, "no database ".repeat(500));
  assert.match((await checkDatabase(`${world.folder}/text.sqlite`)()).reason, /not a database/);
});
