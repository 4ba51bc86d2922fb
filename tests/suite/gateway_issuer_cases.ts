import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import { type Alg, algs, createIssuerKey, signParts } from "./gateway_tokens.ts";
import { startUpstream } from "./gateway_upstreams.ts";
import { type Environment, type GatewayCase, ourClaims } from "./gateway_environment.ts";

const iss = "https://other-idp.test";

/** A gateway that accepts one more issuer, with keys of one algorithm. */
async function withIssuer(environment: Environment, alg: Alg, { by }: { by: "url" | "set" }) {
  const key = await createIssuerKey(alg);
  const keys = startUpstream();
  const set = { keys: [key.jwk] };
  keys.respondWith(() => Response.json(set));
  const gateway = await environment.serve({
    ISSUERS: JSON.stringify([{
      alias: "acme",
      iss,
      audience: "api",
      jwks: by === "url" ? `${keys.url}/keys` : set,
      algorithms: [alg],
      claims: { sid: "session_id", roles: ["https://acme.test/app", "roles"], scope: "scp" },
    }]),
  });
  const stack = new AsyncDisposableStack();
  stack.use(keys);
  stack.use(gateway);
  const { iat, exp } = ourClaims();
  return {
    key,
    keys,
    stack,
    async send(claims: object = {}, header: object = {}, target = "/member") {
      const bearer = await signParts({
        header: { alg, kid: key.kid, ...header },
        payload: { iss, aud: ["x", "api"], sub: "auth0|7", iat, exp, ...claims },
        key,
      });
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${gateway.origin}${target}`, { headers });
      return { status: response.status, code: (await response.json()).error?.code };
    },
  };
}

const byAlgorithm = Object.fromEntries(
  algs.flatMap((alg) =>
    (["url", "set"] as const).filter((by) => by === "set" || alg === "EdDSA").map((by) => [
      `[T02] an external token of ${alg} with keys by ${by} gets a Passport under the issuer's alias`,
      async (environment: Environment) => {
        const { send, stack } = await withIssuer(environment, alg, { by });
        await using _ = stack;
        const claims = {
          session_id: "s1",
          "https://acme.test/app": { roles: ["admin"] },
          scp: ["read", "write"],
        };
        assert.deepEqual(await send(claims, {}, "/admin"), { status: 200, code: undefined });
        const passport = await environment.passportOf(environment.echo.last().headers);
        const { sub, sid, roles, scope, uv } = passport;
        assert.deepEqual({ sub, sid, roles, scope, uv }, {
          sub: "user:acme:auth0|7",
          sid: "s1",
          roles: ["admin"],
          scope: "read write",
          uv: undefined,
        });
        for (const other of [...algs, "HS256", "none"]) {
          if (other === alg) continue;
          assert.equal((await send(claims, { alg: other })).code, "token_invalid", other);
        }
      },
    ])
  ),
) satisfies Record<string, GatewayCase>;

export const issuerCases: Readonly<Record<string, GatewayCase>> = {
  ...byAlgorithm,

  async "external claims are checked like our own"(environment) {
    const { send, stack } = await withIssuer(environment, "EdDSA", { by: "set" });
    await using _ = stack;
    const now = Math.floor(Date.now() / 1000);
    for (
      const [claims, code] of [
        [{ aud: "other" }, "token_invalid"],
        [{ aud: ["api "] }, "token_invalid"],
        [{ sub: undefined }, "token_invalid"],
        [{ sub: "with\nline break" }, "token_invalid"],
        [{ iss: "http://127.0.0.1" }, "token_invalid"],
        [{ iss: `${iss}/` }, "token_invalid"],
        [{ exp: now + 90_000 }, "token_invalid"],
        [{ iat: now + 600, exp: now + 700 }, "token_invalid"],
        [{ iat: now - 900, exp: now - 60 }, "token_expired"],
      ] as const
    ) assert.equal((await send(claims)).code, code, JSON.stringify(claims));
    assert.equal((await send({}, { crit: ["x"] })).code, "token_invalid");
    assert.equal((await send({}, {}, "/admin")).code, "forbidden", "no roles, no access");
  },

  async "external tokens are revoked under their alias only"(environment) {
    const { send, key, stack } = await withIssuer(environment, "EdDSA", { by: "set" });
    await using _ = stack;
    const { iat } = ourClaims();
    const claims = { jti: "j", session_id: "s", sub: "u", iat };
    const levels = [
      ["token", "j", "1"],
      ["login", "s", "1"],
      ["subject", "u", String(Number(iat) + 1)],
      ["key", key.kid, "1"],
    ] as const;
    for (const [level, id, value] of levels) {
      environment.redis.reset();
      for (const alias of [undefined, "idp", "user"]) {
        environment.redis.revoke(level, id, alias, value);
      }
      assert.equal((await send(claims)).status, 200, `${level} of another subject`);
      environment.redis.revoke(level, id, "acme", value);
      assert.equal((await send(claims)).code, "token_revoked", level);
    }
    environment.redis.reset();
    environment.redis.revoke("subject", "u", "acme", String(iat));
    assert.equal((await send(claims)).status, 200, "issued no earlier than the minimum");
  },

  async "a cached revocation check of one external token does not cover an older token"(
    environment,
  ) {
    const { send, stack } = await withIssuer(environment, "EdDSA", { by: "set" });
    await using _ = stack;
    const now = Number(ourClaims().iat);
    environment.redis.revoke("subject", "u", "acme", String(now - 30));
    const [older, newer] = [{ sub: "u", iat: now - 60 }, { sub: "u", iat: now - 10 }];
    assert.equal((await send(newer, {}, "/bounded")).status, 200);
    assert.equal((await send(older, {}, "/bounded")).code, "token_revoked");
    assert.equal((await send(newer, {}, "/bounded")).status, 200);
  },

  async "one subject at two issuers is two callers to a limit"(environment) {
    await using gateway = await environment.serve({});
    const limit = { limit: 2, windowSeconds: 86_400 };
    environment.redis.configure(1, { gateway: { limits: { person: limit } } });
    const send = async (bearer: string) => {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${gateway.origin}/member`, { headers });
      return (await response.json()).error?.code ?? response.status;
    };
    const tokens = [
      await environment.token({ sub: "7" }),
      await environment.externalToken({ sub: "7" }),
    ];
    for (const token of tokens) {
      const codes = [await send(token), await send(token), await send(token)];
      assert.deepEqual(codes, [200, 200, "rate_limited"]);
    }
  },

  async "[T07] an accepted token is refused once it has expired"(environment) {
    await using gateway = await environment.serve({ LEEWAY_SECONDS: "0" });
    const now = Math.floor(Date.now() / 1000);
    const headers = {
      authorization: `Bearer ${await environment.token({ iat: now, exp: now + 4 })}`,
    };
    const send = async () => {
      const response = await fetch(`${gateway.origin}/member`, { headers });
      return (await response.json()).error?.code ?? response.status;
    };
    assert.deepEqual([await send(), await send()], [200, 200]);
    await waitUntil("it is refused", async () => await send() !== 200, 20_000);
    assert.equal(await send(), "token_expired");
  },

  async "an accepted token is refused once its issuer has withdrawn its key"(environment) {
    const { send, key, keys, stack } = await withIssuer(environment, "EdDSA", { by: "url" });
    await using _ = stack;
    const publish = (jwk: object) =>
      keys.respondWith(() =>
        Response.json({ keys: [jwk] }, { headers: { "cache-control": "max-age=1" } })
      );
    publish(key.jwk);
    const claims = { jti: "j", sub: "u" };
    assert.equal((await send(claims)).status, 200);
    // The same kid now names another key, which did not sign the token.
    publish({ ...(await createIssuerKey("EdDSA")).jwk, kid: key.kid });
    await waitUntil("it is refused", async () => (await send(claims)).status !== 200, 20_000);
    assert.equal((await send(claims)).code, "token_invalid");
    publish((await createIssuerKey("EdDSA")).jwk);
    assert.equal((await send(claims)).code, "token_invalid");
  },

  async "[D03] without any keys, protected routes are 503 and the gateway is not ready"(
    environment,
  ) {
    await using keys = startUpstream();
    keys.respondWith(() => new Response("<html>", { status: 200 }));
    await using gateway = await environment.serve({ JWKS_URL: `${keys.url}/keys` });
    const headers = { authorization: `Bearer ${await environment.token()}` };
    const response = await fetch(`${gateway.origin}/member`, { headers });
    assert.equal(response.status, 503);
    assert.equal((await response.json()).error.code, "upstream_unavailable");
    const ready = await fetch(`${gateway.origin}/readyz`);
    assert.equal(ready.status, 503);
    await ready.body?.cancel();
    const open = await fetch(`${gateway.origin}/public`);
    assert.equal(open.status, 200);
    await open.body?.cancel();
    assert.equal(environment.echo.seen.length, 1);
  },

  async "[F39] a redirect of our own key set is not followed"(environment) {
    await using keys = startUpstream();
    keys.respondWith((_request, { target }) =>
      target === "/moved"
        ? Response.json({ keys: [environment.ours.jwk] })
        : new Response(null, { status: 302, headers: { location: "/moved" } })
    );
    await using gateway = await environment.serve({ JWKS_URL: `${keys.url}/keys` });
    const headers = { authorization: `Bearer ${await environment.token()}` };
    const response = await fetch(`${gateway.origin}/member`, { headers });
    await response.body?.cancel();
    assert.equal(response.status, 503);
    assert.deepEqual(new Set(keys.seen.map(({ target }) => target)), new Set(["/keys"]));
  },
};
