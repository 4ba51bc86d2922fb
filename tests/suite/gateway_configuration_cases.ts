import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import type { GatewayCase, World } from "./gateway_world.ts";

/** What an answer says, as far as these cases look. */
interface Said {
  readonly status: number;
  readonly code: string | undefined;
}

type Ask = (path: string, bearer?: string, headers?: Record<string, string>) => Promise<Said>;

/** A gateway that nobody has asked for anything yet. */
async function serveNew(world: World, changes: Record<string, string> = {}) {
  const served = await world.serve(changes);
  const ask: Ask = async (path, bearer, headers = {}) => {
    const response = await fetch(served.origin + path, {
      redirect: "manual",
      headers: {
        ...headers,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
    });
    const { error } = await response.json();
    return { status: response.status, code: error?.code };
  };
  /** The Passport that the service saw last. */
  const passport = () => world.passportOf(world.echo.last().headers);
  return { ask, passport, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

const ok = { status: 200, code: undefined };
const notFound = { status: 404, code: "not_found" };

/** Documents that are no configuration, as a fault or somebody with a Redis client could leave them. */
const unusable: Readonly<Record<string, string>> = {
  "no JSON": "{",
  "nothing of ours": '{"a":1}',
  "an older version": JSON.stringify({ version: 1, document: { gateway: { routes: [] } } }),
  "another shape": JSON.stringify({ version: 9, document: { gateway: [] } }),
  "a route without a rule": JSON.stringify({
    version: 9,
    document: { gateway: { routes: [{ prefix: "/new", upstream: "http://127.0.0.1:1" }] } },
  }),
};

export const configurationCases: Readonly<Record<string, GatewayCase>> = {
  async "a route is served by the request that is the first to ask for it"(world) {
    await using gateway = await serveNew(world);
    assert.deepEqual(await gateway.ask("/new/here"), notFound);
    const route = { prefix: "/new", upstream: world.echo.url, access: "public" };
    world.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new/here"), ok);
    assert.equal(world.echo.last().target, "/new/here");
    assert.equal((await gateway.passport()).cfg, 1);
    world.redis.configure(2, {});
    // Nobody is asked about a public route, so the next who is asked about tells of its end.
    await gateway.ask("/member", await world.token());
    assert.deepEqual(await gateway.ask("/new/here"), notFound);
    assert.equal(world.redis.documentsAsked(), 2);
  },

  async "a flood of paths that no route has asks Redis twenty times, and then slowly"(world) {
    await using gateway = await serveNew(world);
    for (let at = 0; at < 60; at++) assert.deepEqual(await gateway.ask(`/nowhere/${at}`), notFound);
    const asked = world.redis.versionsAsked();
    assert.ok(asked >= 20 && asked <= 30, String(asked));
  },

  async "whoever comes while an instance first asks is decided by the answer, too"(world) {
    const routes = [{ prefix: "/new", upstream: world.echo.url, access: "public" }];
    world.redis.configure(1, { gateway: { routes: [...routes] } });
    await using gateway = await serveNew(world);
    const answer = world.redis.hold();
    const asking = Array.from({ length: 40 }, () => gateway.ask("/new"));
    const closed = gateway.ask("/member");
    await waitUntil("Redis is asked", () => world.redis.versionsAsked() > 0, 5_000);
    answer();
    for (const answered of await Promise.all(asking)) assert.deepEqual(answered, ok);
    assert.equal((await closed).status, 401);
    assert.ok(world.redis.versionsAsked() <= 6, String(world.redis.versionsAsked()));
  },

  async "the first request of an instance is refused by no rule that holds no more"(world) {
    const route = { prefix: "/member", upstream: world.echo.url, access: "public" };
    world.redis.configure(1, { gateway: { routes: [route] } });
    await using gateway = await serveNew(world);
    assert.deepEqual(await gateway.ask("/member"), ok);
  },

  async "the request that learns of a version is decided by it, with one look at Redis"(world) {
    await using gateway = await serveNew(world);
    const bearer = await world.token();
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    const route = { prefix: "/member", upstream: world.echo.url, access: { roles: ["admin"] } };
    world.redis.configure(1, { gateway: { routes: [route] } });
    const before = world.redis.roundTrips.length;
    assert.deepEqual(await gateway.ask("/member", bearer), { status: 403, code: "forbidden" });
    assert.equal(world.redis.roundTrips.length, before + 1);
    world.redis.configure(2, {});
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    assert.equal(world.redis.roundTrips.length, before + 2);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "a revoked token stays revoked, whatever version is learned with it"(world) {
    await using gateway = await serveNew(world);
    const jti = crypto.randomUUID();
    world.redis.revoke("token", jti);
    world.redis.configure(1, { gateway: { logLevel: "warn" } });
    const refused = await gateway.ask("/member", await world.token({ jti }));
    assert.deepEqual(refused, { status: 401, code: "token_revoked" });
    assert.equal(world.echo.seen.length, 0);
  },

  async "of many requests at once none is decided by what was before, and one fetches"(world) {
    await using gateway = await serveNew(world);
    const bearer = await world.token();
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    const before = world.redis.documentsAsked();
    const route = { prefix: "/member", upstream: world.echo.url, access: { roles: ["admin"] } };
    world.redis.configure(1, { gateway: { routes: [route] } });
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => gateway.ask("/member", bearer)),
    );
    assert.deepEqual([...new Set(answers.map(({ code }) => code))], ["forbidden"]);
    assert.equal(world.redis.documentsAsked(), before + 1);
  },

  async "a new instance begins with the version that is there, on a public route too"(world) {
    world.redis.configure(7, { gateway: { passportTtlSeconds: 60 } });
    await using gateway = await serveNew(world);
    assert.deepEqual(await gateway.ask("/public"), ok);
    const { cfg, iat, exp } = await gateway.passport();
    assert.deepEqual([cfg, exp - iat], [7, 60]);
    await gateway.ask("/public");
    assert.equal(world.redis.documentsAsked(), 1);
    assert.equal(world.redis.roundTrips.length, 0);
  },

  async "how old an answer on revocation may be changes with the version"(world) {
    await using gateway = await serveNew(world);
    const bearer = await world.token();
    world.redis.configure(1, { gateway: { revocation: { "/member/*": { boundedMs: 600_000 } } } });
    for (let at = 0; at < 3; at++) assert.deepEqual(await gateway.ask("/member", bearer), ok);
    // The one that learned of the version counts for those after it.
    assert.ok(world.redis.roundTrips.length <= 2, String(world.redis.roundTrips.length));
    world.redis.behave("answers 500");
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    world.redis.behave("answers");
    world.redis.configure(2, {});
    await gateway.ask("/optional", bearer);
    world.redis.behave("answers 500");
    const refused = await gateway.ask("/member", bearer);
    assert.deepEqual(refused, { status: 503, code: "revocation_unavailable" });
  },

  async "a call never takes longer than its Passport lives"(world) {
    const route = { prefix: "/patient", upstream: world.echo.url, access: "authenticated" };
    const ROUTES = JSON.stringify([{ ...route, timeoutMs: 20_000 }]);
    await using gateway = await serveNew(world, { ROUTES });
    const bearer = await world.token();
    assert.deepEqual(await gateway.ask("/patient", bearer), ok);
    world.redis.configure(1, { gateway: { passportTtlSeconds: 5 } });
    assert.deepEqual(await gateway.ask("/patient", bearer), ok);
    const deadline = Number(world.echo.last().headers.get("x-deadline-ms"));
    assert.ok(deadline > 0 && deadline <= 5_000, String(deadline));
    const { iat, exp } = await gateway.passport();
    assert.equal(exp - iat, 5);
  },

  async "what is no configuration changes nothing, and the version says so"(world) {
    await using gateway = await serveNew(world);
    const bearer = await world.token();
    const route = { prefix: "/new", upstream: world.echo.url, access: "authenticated" };
    world.redis.configure(2, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new", bearer), ok);
    for (const [what, text] of Object.entries(unusable)) {
      world.redis.values.set("cfg", "9");
      world.redis.values.set("cfg:doc", text);
      assert.deepEqual(await gateway.ask("/new", bearer), ok, what);
      assert.equal((await gateway.passport()).cfg, 2, what);
    }
    for (const version of ["1", "0", "x", "", "-7", "1e9"]) {
      world.redis.values.set("cfg", version);
      assert.deepEqual(await gateway.ask("/new", bearer), ok, version);
    }
    world.redis.values.delete("cfg");
    assert.deepEqual(await gateway.ask("/new", bearer), ok);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "a Redis that goes away leaves the last version in force"(world) {
    await using gateway = await serveNew(world);
    const route = { prefix: "/new", upstream: world.echo.url, access: "public" };
    world.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new"), ok);
    world.redis.behave("answers 500");
    assert.deepEqual(await gateway.ask("/new"), ok);
    assert.deepEqual(await gateway.ask("/nowhere"), notFound);
  },
};
