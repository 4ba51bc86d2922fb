import assert from "node:assert/strict";
import { type Environment, type GatewayCase, ourClaims } from "./gateway_environment.ts";
import { createIssuerKey, signParts } from "./gateway_tokens.ts";
import { sendOnWire } from "./gateway_wire.ts";

const acme = "https://acme.test";
const ofTenant = (tid: string, inIss = tid) => ({ iss: `https://login.test/${inIss}/v2.0`, tid });

/** A gateway with the rows that providers need: clients, tenants, large tokens, several keys. */
async function withProviders(environment: Environment) {
  const [key, rsa, impostor] = await Promise.all([
    createIssuerKey("ES256", "k"),
    createIssuerKey("PS256", "k"),
    createIssuerKey("ES256", "k"),
  ]);
  const row = { jwks: { keys: [key.jwk, rsa.jwk] }, algorithms: ["ES256", "PS256"] };
  const gateway = await environment.serve({
    ISSUERS: JSON.stringify([
      {
        ...row,
        alias: "acme",
        iss: acme,
        clients: { claim: "client_id", allow: ["web"] },
        require: { token_use: "access" },
        maxTokenBytes: 12_288,
      },
      {
        ...row,
        alias: "login",
        iss: "https://login.test/{tid}/v2.0",
        tenants: ["t-1", "t-2"],
        audience: ["api", "mobile"],
      },
    ]),
  });

  async function sign(claims: object, header: object = {}, by = key): Promise<string> {
    const { exp, iat } = ourClaims();
    const base = Object.hasOwn(claims, "tid")
      ? { aud: "api", iat, exp }
      : { iss: acme, client_id: "web", token_use: "access", iat, exp };
    return await signParts({
      header: { alg: "ES256", kid: "k", ...header },
      payload: { ...base, sub: "7", ...claims },
      key: by,
    });
  }

  async function show(
    token: string,
    { target = "/member", as = "bearer" }: { target?: string; as?: "bearer" | "cookie" } = {},
  ): Promise<string> {
    const response = await sendOnWire(gateway.origin, {
      target,
      headers: [
        as === "bearer"
          ? ["Authorization", `Bearer ${token}`]
          : ["Cookie", `access_token=${token}`],
      ],
    });
    return response.status === 200 ? "200" : JSON.parse(response.text).error.code;
  }

  return {
    sign,
    show,
    rsa,
    impostor,
    send: async (claims: object, header: object = {}, target = "/member") =>
      await show(await sign(claims, header), { target }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** Tokens of these rows that are refused, each beside one that is accepted. */
const refused: Readonly<Record<string, readonly [claims: object, header?: object]>> = {
  "an ID token in an access token's place": [{ aud: "web", token_use: "id" }],
  "an audience where only clients are accepted": [{ aud: "web" }],
  "a use that the row does not accept": [{ token_use: "id" }],
  "a client that is not accepted": [{ client_id: "other" }],
  "no client": [{ client_id: undefined }],
  "a tenant that is not on the list": [ofTenant("t-3")],
  "the iss of one tenant and the claim of another": [ofTenant("t-2", "t-1")],
  "an audience that is not on the list": [{ ...ofTenant("t-1"), aud: ["other", "apis"] }],
  "jku": [{}, { jku: "https://evil.test/jwks.json" }],
  "jwk": [{}, { jwk: {} }],
  "x5u": [{}, { x5u: "https://evil.test/cert" }],
  "crit": [{}, { crit: ["exp"] }],
  "b64": [{}, { b64: true }],
  "the algorithm of another key of its kid": [{}, { alg: "PS256" }],
  "the typ of an ID token": [{}, { typ: "id+jwt" }],
  "a subject in the encoding of another one": [{ sub: "J%C3%BCrgen" }],
};

export const providerCases: Readonly<Record<string, GatewayCase>> = {
  async "[T03, T06, T08] what providers send is accepted, and what is not for us is refused"(
    environment,
  ) {
    await using providers = await withProviders(environment);
    const { send } = providers;
    assert.equal(await send({}, { x5t: "AA", "x5t#S256": "AA", x5c: ["AA"], nonce: "n" }), "200");
    assert.equal(await send({ jti: null, roles: null, iat: undefined }), "200");
    assert.equal(await send({ sub: "Jürgen" }, { typ: "application/AT+JWT" }), "200");
    assert.equal(
      (await environment.passportOf(environment.echo.last().headers)).sub,
      "user:acme:J%C3%BCrgen",
    );
    assert.equal(await send({ ...ofTenant("t-1"), aud: ["x", "mobile"] }), "200");
    environment.echo.reset();
    for (const [what, [claims, header]] of Object.entries(refused)) {
      assert.equal(await send(claims, header), "token_invalid", what);
    }
    assert.equal(environment.echo.seen.length, 0);
  },

  async "[T02] one kid names keys of two algorithms, and a token without kid needs one that fits"(
    environment,
  ) {
    await using providers = await withProviders(environment);
    const { sign, show, rsa, impostor } = providers;
    const header = { alg: "PS256" };
    assert.equal(await show(await sign({}, header, { ...rsa, alg: "ES256" })), "200");
    assert.equal(await show(await sign({}, { kid: undefined })), "200");
    assert.equal(await show(await sign({}, { kid: "other" })), "token_invalid");
    assert.equal(await show(await sign({}, { kid: "" })), "token_invalid");
    const x5t = { x5t: "AA", x5c: ["AA"] };
    assert.equal(await show(await sign({}, x5t, impostor)), "token_invalid");
    assert.equal(await show(await sign({}, { kid: undefined }, impostor)), "token_invalid");
  },

  async "[T09] a token of 12 KiB passes where its row allows it, and not one byte more"(
    environment,
  ) {
    await using providers = await withProviders(environment);
    const { sign, show } = providers;
    const grow = async (claims: object, bytes: number): Promise<string> => {
      const short = (await sign({ ...claims, pad: "" })).length;
      // Four letters of base64url are three bytes, so that some lengths cannot be reached.
      const pad = "x".repeat(Math.floor((bytes - short) * 3 / 4));
      const token = await sign({ ...claims, pad });
      assert.ok(bytes - token.length < 3 && token.length <= bytes, `${token.length} of ${bytes}`);
      return token;
    };
    for (const as of ["bearer", "cookie"] as const) {
      assert.equal(await show(await grow({}, 12_288), { as }), "200", as);
      assert.equal(await show(await grow({}, 12_292), { as }), "token_invalid", as);
      assert.equal(await show(await grow(ofTenant("t-1"), 4_096), { as }), "200", as);
      assert.equal(await show(await grow(ofTenant("t-1"), 4_100), { as }), "token_invalid", as);
      const ours = await environment.token({ padding: "x".repeat(4_000) });
      assert.equal(await show(ours, { as }), "token_invalid", as);
      assert.equal(await show("x".repeat(17_000), { as }), "headers_too_large", as);
    }
  },

  async "[T12] each revocation is of one tenant, and that of a key of all"(environment) {
    await using providers = await withProviders(environment);
    const { send } = providers;
    const { iat } = ourClaims();
    const claims = { jti: "j", sid: "s", sub: "a b", iat };
    const first = () => send({ ...claims, ...ofTenant("t-1") });
    const second = () => send({ ...claims, ...ofTenant("t-2") });
    const later = String(Number(iat) + 1);
    for (const [level, id] of [["token", "j"], ["login", "s"], ["subject", "a%20b"]] as const) {
      environment.redis.reset();
      // Without the tenant, and with another one, it is another token's.
      environment.redis.revoke(level, id, "login", later);
      environment.redis.revoke(level, id, "t-1", later);
      assert.deepEqual([await first(), await second()], ["200", "200"], level);
      environment.redis.revoke(level, id, "login:t-1", later);
      assert.deepEqual([await first(), await second()], ["token_revoked", "200"], level);
    }
    environment.redis.reset();
    environment.redis.revoke("key", "k", "login");
    assert.deepEqual([await first(), await second()], ["token_revoked", "token_revoked"]);
  },

  async "[T12] a check of one tenant's token is not remembered for another tenant's"(environment) {
    await using providers = await withProviders(environment);
    const claims = { jti: "j", sid: "s", sub: "u", iat: ourClaims().iat };
    const send = (tid: string) => providers.send({ ...claims, ...ofTenant(tid) }, {}, "/bounded");
    environment.redis.revoke("token", "j", "login:t-2");
    assert.deepEqual([await send("t-1"), await send("t-2")], ["200", "token_revoked"]);
    assert.equal(await send("t-1"), "200");
  },

  async "[T07, T12] any mark on the subject revokes a token without iat"(environment) {
    await using providers = await withProviders(environment);
    const send = (iat: unknown) => providers.send({ sub: "u", iat, jti: undefined });
    const { iat } = ourClaims();
    assert.deepEqual([await send(undefined), await send(null), await send(iat)], [
      "200",
      "200",
      "200",
    ]);
    environment.redis.revoke("subject", "u", "acme", "1");
    const codes = [await send(undefined), await send(null), await send(iat)];
    assert.deepEqual(codes, ["token_revoked", "token_revoked", "200"]);
  },
};
