import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import type { Environment, GatewayCase } from "./gateway_environment.ts";

/** What an answer says, as far as these cases look. */
interface Said {
  readonly status: number;
  readonly code: string | undefined;
}

type Ask = (path: string, bearer?: string, headers?: Record<string, string>) => Promise<Said>;

/** A gateway that nobody has asked for anything yet. */
async function serveNew(environment: Environment, changes: Record<string, string> = {}) {
  const served = await environment.serve(changes);
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
  const passport = () => environment.passportOf(environment.echo.last().headers);
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
  async "a route is served by the request that is the first to ask for it"(environment) {
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.ask("/new/here"), notFound);
    const route = { prefix: "/new", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new/here"), ok);
    assert.equal(environment.echo.last().target, "/new/here");
    assert.equal((await gateway.passport()).cfg, 1);
    environment.redis.configure(2, {});
    // Nobody is asked about a public route, so the next who is asked about tells of its end.
    await gateway.ask("/member", await environment.token());
    assert.deepEqual(await gateway.ask("/new/here"), notFound);
    assert.equal(environment.redis.documentsAsked(), 2);
  },

  async "a flood of paths that no route has asks Redis twenty times, and then slowly"(environment) {
    await using gateway = await serveNew(environment);
    for (let at = 0; at < 60; at++) assert.deepEqual(await gateway.ask(`/nowhere/${at}`), notFound);
    const asked = environment.redis.versionsAsked();
    assert.ok(asked >= 20 && asked <= 30, String(asked));
  },

  async "whoever comes while an instance first asks is decided by the answer, too"(environment) {
    const routes = [{ prefix: "/new", upstream: environment.echo.url, access: "public" }];
    environment.redis.configure(1, { gateway: { routes: [...routes] } });
    await using gateway = await serveNew(environment);
    const answer = environment.redis.hold();
    const asking = Array.from({ length: 40 }, () => gateway.ask("/new"));
    const closed = gateway.ask("/member");
    await waitUntil("Redis is asked", () => environment.redis.versionsAsked() > 0, 5_000);
    answer();
    for (const answered of await Promise.all(asking)) assert.deepEqual(answered, ok);
    assert.equal((await closed).status, 401);
    assert.ok(environment.redis.versionsAsked() <= 6, String(environment.redis.versionsAsked()));
  },

  async "the first request of an instance is refused by no rule that holds no more"(environment) {
    const route = { prefix: "/member", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.ask("/member"), ok);
  },

  async "the request that learns of a version is decided by it, with one look at Redis"(
    environment,
  ) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    const route = {
      prefix: "/member",
      upstream: environment.echo.url,
      access: { roles: ["admin"] },
    };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    const before = environment.redis.roundTrips.length;
    assert.deepEqual(await gateway.ask("/member", bearer), { status: 403, code: "forbidden" });
    assert.equal(environment.redis.roundTrips.length, before + 1);
    environment.redis.configure(2, {});
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    assert.equal(environment.redis.roundTrips.length, before + 2);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "a revoked token stays revoked, whatever version is learned with it"(environment) {
    await using gateway = await serveNew(environment);
    const jti = crypto.randomUUID();
    environment.redis.revoke("token", jti);
    environment.redis.configure(1, { gateway: { logLevel: "warn" } });
    const refused = await gateway.ask("/member", await environment.token({ jti }));
    assert.deepEqual(refused, { status: 401, code: "token_revoked" });
    assert.equal(environment.echo.seen.length, 0);
  },

  async "of many requests at once none is decided by what was before, and one fetches"(
    environment,
  ) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    const before = environment.redis.documentsAsked();
    const route = {
      prefix: "/member",
      upstream: environment.echo.url,
      access: { roles: ["admin"] },
    };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => gateway.ask("/member", bearer)),
    );
    assert.deepEqual([...new Set(answers.map(({ code }) => code))], ["forbidden"]);
    assert.equal(environment.redis.documentsAsked(), before + 1);
  },

  async "a new instance begins with the version that is there, on a public route too"(environment) {
    environment.redis.configure(7, { gateway: { passportTtlSeconds: 60 } });
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.ask("/public"), ok);
    const { cfg, iat, exp } = await gateway.passport();
    assert.deepEqual([cfg, exp - iat], [7, 60]);
    await gateway.ask("/public");
    assert.equal(environment.redis.documentsAsked(), 1);
    assert.equal(environment.redis.roundTrips.length, 0);
  },

  async "how old an answer on revocation may be changes with the version"(environment) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    environment.redis.configure(1, {
      gateway: { revocation: { "/member/*": { boundedMs: 600_000 } } },
    });
    for (let at = 0; at < 3; at++) assert.deepEqual(await gateway.ask("/member", bearer), ok);
    // The one that learned of the version counts for those after it.
    assert.ok(
      environment.redis.roundTrips.length <= 2,
      String(environment.redis.roundTrips.length),
    );
    environment.redis.behave("answers 500");
    assert.deepEqual(await gateway.ask("/member", bearer), ok);
    environment.redis.behave("answers");
    environment.redis.configure(2, {});
    await gateway.ask("/optional", bearer);
    environment.redis.behave("answers 500");
    const refused = await gateway.ask("/member", bearer);
    assert.deepEqual(refused, { status: 503, code: "revocation_unavailable" });
  },

  async "a call never takes longer than its Passport lives"(environment) {
    const route = { prefix: "/patient", upstream: environment.echo.url, access: "authenticated" };
    const ROUTES = JSON.stringify([{ ...route, timeoutMs: 20_000 }]);
    await using gateway = await serveNew(environment, { ROUTES });
    const bearer = await environment.token();
    assert.deepEqual(await gateway.ask("/patient", bearer), ok);
    environment.redis.configure(1, { gateway: { passportTtlSeconds: 5 } });
    assert.deepEqual(await gateway.ask("/patient", bearer), ok);
    const deadline = Number(environment.echo.last().headers.get("x-deadline-ms"));
    assert.ok(deadline > 0 && deadline <= 5_000, String(deadline));
    const { iat, exp } = await gateway.passport();
    assert.equal(exp - iat, 5);
  },

  async "what is no configuration changes nothing, and the version says so"(environment) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    const route = { prefix: "/new", upstream: environment.echo.url, access: "authenticated" };
    environment.redis.configure(2, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new", bearer), ok);
    for (const [what, text] of Object.entries(unusable)) {
      environment.redis.values.set("cfg", "9");
      environment.redis.values.set("cfg:doc", text);
      assert.deepEqual(await gateway.ask("/new", bearer), ok, what);
      assert.equal((await gateway.passport()).cfg, 2, what);
    }
    for (const version of ["1", "0", "x", "", "-7", "1e9"]) {
      environment.redis.values.set("cfg", version);
      assert.deepEqual(await gateway.ask("/new", bearer), ok, version);
    }
    environment.redis.values.delete("cfg");
    assert.deepEqual(await gateway.ask("/new", bearer), ok);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "a Redis that goes away leaves the last version in force"(environment) {
    await using gateway = await serveNew(environment);
    const route = { prefix: "/new", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.ask("/new"), ok);
    environment.redis.behave("answers 500");
    assert.deepEqual(await gateway.ask("/new"), ok);
    assert.deepEqual(await gateway.ask("/nowhere"), notFound);
  },
};
