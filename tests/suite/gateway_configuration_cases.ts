import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import type { Environment, GatewayCase } from "./gateway_environment.ts";

/** The parts of a response that these cases check. */
interface SeenResponse {
  readonly status: number;
  readonly code: string | undefined;
}

type Send = (
  path: string,
  bearer?: string,
  headers?: Record<string, string>,
) => Promise<SeenResponse>;

/** A gateway that has served no request yet. */
async function serveNew(environment: Environment, changes: Record<string, string> = {}) {
  const served = await environment.serve(changes);
  const send: Send = async (path, bearer, headers = {}) => {
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
  /** The Passport in the service's last request. */
  const passport = () => environment.passportOf(environment.echo.last().headers);
  return { send, passport, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

const ok = { status: 200, code: undefined };
const notFound = { status: 404, code: "not_found" };

/** Invalid configuration documents, as a fault or a direct write to Redis could leave them. */
const unusable: Readonly<Record<string, string>> = {
  "no JSON": "{",
  "no member of ours": '{"a":1}',
  "an older version": JSON.stringify({ version: 1, document: { gateway: { routes: [] } } }),
  "another shape": JSON.stringify({ version: 9, document: { gateway: [] } }),
  "a route without a rule": JSON.stringify({
    version: 9,
    document: { gateway: { routes: [{ prefix: "/new", upstream: "http://127.0.0.1:1" }] } },
  }),
};

export const configurationCases: Readonly<Record<string, GatewayCase>> = {
  async "the first request for a new route is served"(environment) {
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.send("/new/here"), notFound);
    const route = { prefix: "/new", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.send("/new/here"), ok);
    assert.equal(environment.echo.last().target, "/new/here");
    assert.equal((await gateway.passport()).cfg, 1);
    environment.redis.configure(2, {});
    // A public route checks no revocation, so only the next protected request reports the new
    // version.
    await gateway.send("/member", await environment.token());
    assert.deepEqual(await gateway.send("/new/here"), notFound);
    assert.equal(environment.redis.documentReads(), 2);
  },

  async "a flood of paths that no route has makes twenty Redis requests, and then few"(
    environment,
  ) {
    await using gateway = await serveNew(environment);
    for (let at = 0; at < 60; at++) {
      assert.deepEqual(await gateway.send(`/nowhere/${at}`), notFound);
    }
    const reads = environment.redis.versionReads();
    assert.ok(reads >= 20 && reads <= 30, String(reads));
  },

  async "requests during an instance's first configuration read wait for its result"(environment) {
    const routes = [{ prefix: "/new", upstream: environment.echo.url, access: "public" }];
    environment.redis.configure(1, { gateway: { routes: [...routes] } });
    await using gateway = await serveNew(environment);
    const release = environment.redis.hold();
    const requests = Array.from({ length: 40 }, () => gateway.send("/new"));
    const closed = gateway.send("/member");
    await waitUntil("Redis gets the request", () => environment.redis.versionReads() > 0, 5_000);
    release();
    for (const response of await Promise.all(requests)) assert.deepEqual(response, ok);
    assert.equal((await closed).status, 401);
    assert.ok(environment.redis.versionReads() <= 6, String(environment.redis.versionReads()));
  },

  async "the first request of an instance is refused by no rule that holds no more"(environment) {
    const route = { prefix: "/member", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.send("/member"), ok);
  },

  async "the first request of a version is evaluated by that version, with one round trip to Redis"(
    environment,
  ) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    assert.deepEqual(await gateway.send("/member", bearer), ok);
    const route = {
      prefix: "/member",
      upstream: environment.echo.url,
      access: { roles: ["admin"] },
    };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    const before = environment.redis.roundTrips.length;
    assert.deepEqual(await gateway.send("/member", bearer), { status: 403, code: "forbidden" });
    assert.equal(environment.redis.roundTrips.length, before + 1);
    environment.redis.configure(2, {});
    assert.deepEqual(await gateway.send("/member", bearer), ok);
    assert.equal(environment.redis.roundTrips.length, before + 2);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "a revoked token stays revoked, whatever version is learned with it"(environment) {
    await using gateway = await serveNew(environment);
    const jti = crypto.randomUUID();
    environment.redis.revoke("token", jti);
    environment.redis.configure(1, { gateway: { logLevel: "warn" } });
    const refused = await gateway.send("/member", await environment.token({ jti }));
    assert.deepEqual(refused, { status: 401, code: "token_revoked" });
    assert.equal(environment.echo.seen.length, 0);
  },

  async "of many requests at once none is decided by what was before, and one fetches"(
    environment,
  ) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    assert.deepEqual(await gateway.send("/member", bearer), ok);
    const before = environment.redis.documentReads();
    const route = {
      prefix: "/member",
      upstream: environment.echo.url,
      access: { roles: ["admin"] },
    };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    const responses = await Promise.all(
      Array.from({ length: 40 }, () => gateway.send("/member", bearer)),
    );
    assert.deepEqual([...new Set(responses.map(({ code }) => code))], ["forbidden"]);
    assert.equal(environment.redis.documentReads(), before + 1);
  },

  async "a new instance starts with the current version, on a public route too"(environment) {
    environment.redis.configure(7, { gateway: { passportTtlSeconds: 60 } });
    await using gateway = await serveNew(environment);
    assert.deepEqual(await gateway.send("/public"), ok);
    const { cfg, iat, exp } = await gateway.passport();
    assert.deepEqual([cfg, exp - iat], [7, 60]);
    await gateway.send("/public");
    assert.equal(environment.redis.documentReads(), 1);
    assert.equal(environment.redis.roundTrips.length, 0);
  },

  async "the age limit of a revocation check changes with the version"(environment) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    environment.redis.configure(1, {
      gateway: { revocation: { "/member/*": { boundedMs: 600_000 } } },
    });
    for (let at = 0; at < 3; at++) assert.deepEqual(await gateway.send("/member", bearer), ok);
    // The request that observed the new version applies it for the requests after it.
    assert.ok(
      environment.redis.roundTrips.length <= 2,
      String(environment.redis.roundTrips.length),
    );
    environment.redis.behave("responds with 500");
    assert.deepEqual(await gateway.send("/member", bearer), ok);
    environment.redis.behave("responds");
    environment.redis.configure(2, {});
    await gateway.send("/optional", bearer);
    environment.redis.behave("responds with 500");
    const refused = await gateway.send("/member", bearer);
    assert.deepEqual(refused, { status: 503, code: "revocation_unavailable" });
  },

  async "a call never lasts longer than its Passport is valid"(environment) {
    const route = { prefix: "/patient", upstream: environment.echo.url, access: "authenticated" };
    const ROUTES = JSON.stringify([{ ...route, timeoutMs: 20_000 }]);
    await using gateway = await serveNew(environment, { ROUTES });
    const bearer = await environment.token();
    assert.deepEqual(await gateway.send("/patient", bearer), ok);
    environment.redis.configure(1, { gateway: { passportTtlSeconds: 5 } });
    assert.deepEqual(await gateway.send("/patient", bearer), ok);
    const deadline = Number(environment.echo.last().headers.get("x-deadline-ms"));
    assert.ok(deadline > 0 && deadline <= 5_000, String(deadline));
    const { iat, exp } = await gateway.passport();
    assert.equal(exp - iat, 5);
  },

  async "an invalid configuration changes nothing, and its version is reported"(environment) {
    await using gateway = await serveNew(environment);
    const bearer = await environment.token();
    const route = { prefix: "/new", upstream: environment.echo.url, access: "authenticated" };
    environment.redis.configure(2, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.send("/new", bearer), ok);
    for (const [what, text] of Object.entries(unusable)) {
      environment.redis.values.set("cfg", "9");
      environment.redis.values.set("cfg:doc", text);
      assert.deepEqual(await gateway.send("/new", bearer), ok, what);
      assert.equal((await gateway.passport()).cfg, 2, what);
    }
    for (const version of ["1", "0", "x", "", "-7", "1e9"]) {
      environment.redis.values.set("cfg", version);
      assert.deepEqual(await gateway.send("/new", bearer), ok, version);
    }
    environment.redis.values.delete("cfg");
    assert.deepEqual(await gateway.send("/new", bearer), ok);
    assert.equal((await gateway.passport()).cfg, 2);
  },

  async "while Redis is unavailable the last version stays current"(environment) {
    await using gateway = await serveNew(environment);
    const route = { prefix: "/new", upstream: environment.echo.url, access: "public" };
    environment.redis.configure(1, { gateway: { routes: [route] } });
    assert.deepEqual(await gateway.send("/new"), ok);
    environment.redis.behave("responds with 500");
    assert.deepEqual(await gateway.send("/new"), ok);
    assert.deepEqual(await gateway.send("/nowhere"), notFound);
  },
};
