import assert from "node:assert/strict";
import { hasRedisServer, startRedisServer } from "./contract/redis_server.ts";
import { askWhoIAm, bearer, demoLearner, logIn } from "./support/dev_people.ts";
import { freePort, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { waitUntil } from "./support/wait.ts";

const ignore = !await hasRedisServer();

Deno.test({ name: "REDIS_URL stores revocations in a real Redis", ignore }, async () => {
  await using workspace = await temporaryWorkspace();
  await using redis = await startRedisServer({ password: "of-this-test" });
  const env = { REDIS_URL: redis.url };
  await using system = await startDev({ workspace: workspace.path, env });
  const token = await logIn(system, demoLearner);
  const headers = bearer(token);
  assert.equal((await system.fetch("/auth/logout", { method: "POST", headers })).status, 204);
  assert.equal(await askWhoIAm(system, token), "401 token_revoked");
  assert.deepEqual([...Deno.readDirSync(`${workspace.path}/redis`)].map(({ name }) => name), [
    "port",
  ]);
});

Deno.test("a configured Redis REST endpoint is used, and none is served", async () => {
  await using first = await temporaryWorkspace();
  await using second = await temporaryWorkspace();
  await using _owner = await startDev({ workspace: first.path });
  const text = await Deno.readTextFile(`${first.path}/dev.env`);
  const [, url = ""] = /^UPSTASH_REDIS_REST_URL='(.+)'$/m.exec(text) ?? [];
  const [, token = ""] = /^UPSTASH_REDIS_REST_TOKEN='(.+)'$/m.exec(text) ?? [];
  const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
  await using guest = await startDev({ workspace: second.path, env });
  const headers = bearer(await logIn(guest, demoLearner));
  assert.equal((await guest.fetch("/auth/logout", { method: "POST", headers })).status, 204);
  assert.deepEqual([...Deno.readDirSync(`${second.path}/redis`)], []);
  // Two installations with one Redis would each find the other's revocation log there, so only the
  // endpoint is asked, and not the gateway it belongs to.
  const keys = await fetch(`${url}/keys/rv:s:*`, { headers: bearer(token) });
  assert.equal((await keys.json()).result.length, 1, "the guest's logout is in the owner's Redis");
});

Deno.test("a logout that a truncated file has lost still holds after the restart", async () => {
  await using workspace = await temporaryWorkspace();
  // A generous limit, so that a busy machine does not look like a slow Redis. One port for both
  // starts: it is in the issuer of every token.
  const env = { REVOCATION_TIMEOUT_MS: "10000" };
  const options = { workspace: workspace.path, port: freePort(), env };
  const [loggedOut, live] = await (async () => {
    await using system = await startDev(options);
    const tokens = [await logIn(system, demoLearner), await logIn(system, demoLearner)] as const;
    const headers = bearer(tokens[0]);
    assert.equal((await system.fetch("/auth/logout", { method: "POST", headers })).status, 204);
    assert.equal(await askWhoIAm(system, tokens[0]), "401 token_revoked");
    await system.end("SIGTERM");
    return tokens;
  })();
  const file = `${workspace.path}/redis/dev.aof`;
  Deno.truncateSync(file, Deno.statSync(file).size - 7);
  await using system = await startDev(options);
  const isServed = async () => (await askWhoIAm(system, live)).startsWith("200");
  await waitUntil("good tokens pass", isServed, 20_000);
  assert.equal(await askWhoIAm(system, loggedOut), "401 token_revoked");
});
