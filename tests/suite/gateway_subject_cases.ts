import assert from "node:assert/strict";
import { readAs010 } from "../stored/0.1.0/passport_claims.ts";
import { waitUntil } from "../support/wait.ts";
import { type Environment, type GatewayCase, ourClaims } from "./gateway_environment.ts";
import { createIssuerKey, signParts } from "./gateway_tokens.ts";

const iss = "https://acme.test/";
const template = "https://login.test/{tid}/v2.0";

/** A gateway with an issuer whose tokens have tenants, clients and further claims. */
async function withIssuers(environment: Environment, bindings: Record<string, string> = {}) {
  const key = await createIssuerKey("ES256");
  const row = { jwks: { keys: [key.jwk] }, algorithms: ["ES256"], maxTokenBytes: 12_288 };
  const gateway = await environment.serve({
    ISSUERS: JSON.stringify([
      {
        ...row,
        alias: "acme",
        iss,
        audience: "api",
        clients: { claim: "azp", allow: ["web", "ci", "42"] },
        claims: { tenant: "org", extra: { nick: "nickname", plan: ["app", "plan"] } },
      },
      { ...row, alias: "login", iss: template, audience: "api", tenants: ["t-1", "t-2"] },
    ]),
    ...bindings,
  });
  const { echo } = environment;
  return {
    gateway,
    async send(claims: object, target = "/member") {
      echo.reset();
      const { iat, exp } = ourClaims();
      const payload = { iss, aud: "api", azp: "web", iat, exp, ...claims };
      const bearer = await signParts({ header: { alg: "ES256", kid: key.kid }, payload, key });
      return await this.sendText(bearer, target);
    },
    async sendText(bearer: string, target = "/member") {
      const headers = { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${gateway.origin}${target}`, { headers });
      const text = (await response.text()).replace(/"traceId":"\w+"/, "");
      return { status: response.status, text };
    },
    /** The claims of the last Passport, and what services of this version and of 0.1.0 read. */
    async lastPassport() {
      const { headers } = echo.last();
      const [, payload = ""] = (headers.get("x-passport") ?? "").split(".");
      const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
      const text = new TextDecoder().decode(bytes);
      return {
        text,
        now: await environment.passportOf(headers),
        before: readAs010(JSON.parse(text), "0.1"),
      };
    },
    lines: (message: string) =>
      gateway.logLines.map((line) => JSON.parse(line)).filter((line) => line.message === message),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

const later = { PASSPORT_POLICY: "0.1.1" };
const nickname = "Ann Example";
const user = { sub: "7", org: "o-1", nickname, app: { plan: "team" }, roles: ["learner"] };
const client = { sub: "ci", azp: "ci", roles: ["admin"] };
const clientWithoutSub = { azp: "ci", roles: ["admin"] };

export const subjectCases: Readonly<Record<string, GatewayCase>> = {
  async "services of policy 0.1.0 get no claim and no subject that they cannot read"(environment) {
    await using acme = await withIssuers(environment);
    assert.equal((await acme.send(user)).status, 200);
    const { now, before, text } = await acme.lastPassport();
    assert.equal(now.pv, "0.1.0");
    assert.equal(/ext|nick|Ann/.test(text), false, text);
    assert.deepEqual([now.sub, now.tenant, now.ext], ["user:acme:7", "o-1", undefined]);
    assert.deepEqual({ ...before, userId: "acme:7" }, now);
    assert.equal((await acme.send(client)).status, 200);
    const asUser = await acme.lastPassport();
    assert.equal(asUser.now.sub, "user:acme:ci", "as before policy 0.1.1");
    assert.equal(asUser.before?.sub, "user:acme:ci");
  },

  async "a client that services of policy 0.1.0 have no subject for is refused like any other token"(
    environment,
  ) {
    await using acme = await withIssuers(environment);
    const refused = await acme.send(clientWithoutSub);
    assert.equal(refused.status, 401);
    assert.deepEqual(refused, await acme.sendText("garbage"));
    assert.deepEqual(refused, await acme.send(clientWithoutSub, "/teach"));
    assert.equal(environment.echo.seen.length, 0);
    assert.equal((await acme.send(clientWithoutSub, "/optional")).status, 200);
    assert.equal((await acme.lastPassport()).now.sub, "anon");
    if (environment.runtime === "harness") return; // It hides the log.
    const refusals = () => acme.lines("Request completed").map((line) => line.tokenRefusal);
    await waitUntil("all are reported", () => refusals().length > 3, 20_000);
    const reason = "claim_invalid:sub";
    assert.deepEqual(refusals(), [reason, "malformed", reason, reason]);
  },

  async "services of policy 0.1.1 get clients and further claims, and no log has these"(
    environment,
  ) {
    await using acme = await withIssuers(environment, later);
    for (
      const [claims, sub] of [[client, "client:acme:ci"], [clientWithoutSub, "client:acme:ci"]]
    ) {
      assert.equal((await acme.send(Object(claims))).status, 200);
      const { now, before } = await acme.lastPassport();
      assert.deepEqual([now.pv, now.sub, now.userId], ["0.1.1", sub, undefined]);
      assert.deepEqual(now.roles, ["admin"]);
      assert.equal(before, undefined, "a service of 0.1.0 refuses it");
    }
    assert.equal((await acme.send(user)).status, 200);
    const { now, before } = await acme.lastPassport();
    assert.deepEqual([now.sub, now.tenant], ["user:acme:7", "o-1"]);
    assert.deepEqual(now.ext, { nick: nickname, plan: "team" });
    const { ext: _, ...rest } = now;
    assert.deepEqual({ ...before, userId: "acme:7" }, rest, "a service of 0.1.0 ignores ext");
    assert.equal((await acme.send({ ...user, nickname: "n".repeat(600) })).status, 401);
    if (environment.runtime === "harness") return;
    const completed = () => acme.lines("Request completed");
    await waitUntil("all are reported", () => completed().length > 3, 20_000);
    assert.deepEqual(
      completed().map((line) => [line.sub, line.subjectKind, line.tenant, line.tokenRefusal]),
      [
        ["ci", "client", undefined, undefined],
        ["ci", "client", undefined, undefined],
        ["7", undefined, "o-1", undefined],
        [undefined, undefined, undefined, "too_large"],
      ],
    );
    assert.equal(acme.gateway.logLines.some((line) => /Ann|nnnn/.test(line)), false);
  },

  async "a client passes a rule by its token's roles, and only by these"(environment) {
    await using acme = await withIssuers(environment, later);
    assert.equal((await acme.send(client, "/admin")).status, 200);
    assert.equal((await acme.send({ ...client, roles: ["learner"] }, "/admin")).status, 403);
    assert.equal((await acme.send({ ...client, roles: undefined }, "/admin")).status, 403);
    assert.equal((await acme.send({ ...client, azp: "other" }, "/admin")).status, 401);
    assert.equal((await acme.send(clientWithoutSub, "/admin/keys")).status, 200);
    const others = { ...clientWithoutSub, roles: ["learner"] };
    assert.equal((await acme.send(others, "/admin/keys")).status, 403);
  },

  async "all roles of a token reach services, whatever their number"(environment) {
    await using acme = await withIssuers(environment);
    const roles = Array.from({ length: 300 }, (_, at) => `g${at}`);
    assert.equal((await acme.send({ ...user, roles })).status, 200);
    const { now, before } = await acme.lastPassport();
    assert.deepEqual(now.roles, roles);
    assert.deepEqual(before?.roles, roles);
    const many = Array.from({ length: 1000 }, (_, at) => `g${at}`);
    assert.equal((await acme.send({ ...user, roles: many })).status, 401, "and none is left out");
  },

  async "a client and a user with the client's id are two callers to a limit"(environment) {
    await using acme = await withIssuers(environment, later);
    const limit = { limit: 2, windowSeconds: 86_400 };
    environment.redis.configure(1, { gateway: { limits: { person: limit } } });
    for (
      const [claims, sub] of [
        [{ azp: "42" }, "client:acme:42"],
        [{ sub: "42" }, "user:acme:42"],
        [{ iss: "https://login.test/t-1/v2.0", tid: "t-1", sub: "42" }, "user:login:t-1:42"],
        [{ iss: "https://login.test/t-2/v2.0", tid: "t-2", sub: "42" }, "user:login:t-2:42"],
      ] as const
    ) {
      assert.equal((await acme.send(claims)).status, 200, sub);
      assert.equal((await acme.lastPassport()).now.sub, sub);
      assert.equal((await acme.send(claims)).status, 200, sub);
      assert.equal((await acme.send(claims)).status, 429, sub);
    }
  },

  async "the start names the rows whose claims or clients the policy does not send"(environment) {
    if (environment.runtime === "harness") return;
    await using before = await withIssuers(environment);
    await using after = await withIssuers(environment, later);
    for (const one of [before, after]) assert.equal((await one.send(user)).status, 200);
    const named = ({ lines }: typeof before) =>
      [
        "The Passport policy does not send claims.extra of these issuers: PASSPORT_POLICY=0.1.1 does",
        "The Passport policy has no subject for a token without a user of these issuers",
      ].flatMap((message) => lines(message).map(({ level, issuers }) => [level, issuers]));
    await waitUntil("both are named", () => named(before).length > 1, 20_000);
    assert.deepEqual(named(before), [["warn", ["acme"]], ["info", ["acme"]]]);
    assert.deepEqual(named(after), []);
  },
};
