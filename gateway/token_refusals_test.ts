import { importKeyPair, importSecret, type SigningKey, signJws } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import type { Redis, RedisPipeline } from "@edgepass/shared/redis";
import { noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import assert from "node:assert/strict";
import { refusalWords, toRefusalKind } from "../dev/page/logic/token_refusals.ts";
import { createRandomHex, createTracer } from "../shared/telemetry/tracer.ts";
import { createGateway, staticPassportSigningKeys } from "./mod.ts";

const origin = "http://127.0.0.1:8787";
const iss = "https://acme.test/";
const now = Math.floor(Date.now() / 1000);

async function createKey(kid: string) {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { x = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const signing = await importKeyPair(kid, { kty: "OKP", crv: "Ed25519", x, d });
  assert.ok(signing);
  return { signing, jwk: { kid, kty: "OKP", crv: "Ed25519", x, alg: "EdDSA" } };
}

const { signing, jwk } = await createKey("k1");
const forger = (await createKey("k1")).signing;

/** A caller's address and name, which no record may contain. */
const personal = { email: "ada@acme.test", name: "Ada Private" };
const claims = {
  iss,
  aud: "api",
  sub: "ada-private",
  azp: "web",
  org: "o1",
  iat: now,
  exp: now + 600,
  jti: "j1",
  sid: "s1",
  ...personal,
};

async function makeToken(changes: object, header: object = {}, key: SigningKey = signing) {
  const { kid, typ } = { kid: key.kid, typ: "at+jwt", ...header };
  const others = Object.fromEntries(
    Object.entries(header).filter(([name]) => name !== "kid" && name !== "typ"),
  );
  const [, payload = ""] = (await signJws({ ...claims, ...changes }, { typ, key })).split(".");
  const head = encode(JSON.stringify({ alg: "EdDSA", typ, kid, ...others }));
  const input = new TextEncoder().encode(`${head}.${payload}`);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key.key, input));
  return `${head}.${payload}.${signature.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

function encode(text: string): string {
  return new TextEncoder().encode(text)
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

interface Case {
  readonly token: () => Promise<string> | string;
  /** The entry of Redis that revokes it. */
  readonly revoked?: readonly [key: string, value: string];
  /** The issuer in metric and span; `acme` unless the token does not show it. */
  readonly issuer?: string;
}

const cases: Readonly<Record<string, Case>> = {
  // No row allows it, so that it is not decoded.
  "too_large": { token: () => makeToken({ padding: "x".repeat(4000) }), issuer: "unknown" },
  "malformed": { token: () => "garbage", issuer: "unknown" },
  "unknown_issuer": { token: () => makeToken({ iss: "https://acme.test" }), issuer: "unknown" },
  "claim_missing:iss": { token: () => makeToken({ iss: null }), issuer: "unknown" },
  ...Object.fromEntries(
    ["jwk", "jku", "x5u", "crit", "b64", "zip", "enc"].map((name) => [
      `header_${name}`,
      { token: () => makeToken({}, { [name]: "ada-private" }) },
    ]),
  ),
  "header_kid": { token: () => makeToken({}, { kid: 7 }) },
  "typ": { token: () => makeToken({}, { typ: "ada-private" }) },
  "kid_unknown": { token: () => makeToken({}, { kid: "ada-private" }) },
  "alg_not_allowed": { token: () => makeToken({}, { alg: "ES256" }) },
  "signature": { token: () => makeToken({}, {}, forger) },
  "audience": { token: () => makeToken({ aud: "ada-private" }) },
  "claim_missing:aud": { token: () => makeToken({ aud: undefined }) },
  "claim_missing:azp": { token: () => makeToken({ azp: null }) },
  "claim_invalid:azp": { token: () => makeToken({ azp: "ada-private" }) },
  "claim_missing:org": { token: () => makeToken({ org: undefined }) },
  "claim_invalid:org": { token: () => makeToken({ org: "ada-private" }) },
  "claim_missing:exp": { token: () => makeToken({ exp: undefined }) },
  "claim_invalid:roles": { token: () => makeToken({ roles: { ada: "private" } }) },
  "life_too_long": { token: () => makeToken({ exp: now + 90_000 }) },
  "not_yet_valid": { token: () => makeToken({ nbf: now + 300 }) },
  "expired": { token: () => makeToken({ iat: now - 600, exp: now - 60 }) },
  "revoked:token": { token: () => makeToken({}), revoked: ["rv:j:acme:j1", "1"] },
  "revoked:login": { token: () => makeToken({}), revoked: ["rv:s:acme:s1", "1"] },
  "revoked:subject": {
    token: () => makeToken({}),
    revoked: ["rv:u:acme:ada-private", String(now + 1)],
  },
  "revoked:key": { token: () => makeToken({}), revoked: ["rv:k:acme:k1", "1"] },
};

function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

/** A gateway whose log lines, spans and metrics the test reads. */
async function setup() {
  const entries = new Map([["rv:ready", "1"]]);
  const redis: Redis = {
    pipeline(build) {
      const replies: unknown[] = [];
      build(toPipeline({
        mget: (...keys: string[]) => replies.push(keys.map((key) => entries.get(key) ?? null)),
      }));
      return Promise.resolve(replies);
    },
  };
  const lines: string[] = [];
  const spans: Record<string, unknown>[] = [];
  const counted: unknown[] = [];
  const telemetry: Telemetry = {
    ...noopTelemetry(),
    tracer: createTracer({
      mode: "head",
      ratio: 1,
      slowMs: 1_000,
      now: Date.now,
      randomHex: createRandomHex(),
      keep: ({ attributes }) => spans.push(Object.fromEntries(attributes)),
      onDrop: () => {},
    }),
    metrics: {
      ...noopTelemetry().metrics,
      add(name, attributes) {
        if (name === "edgepass.tokens.refused") counted.push(attributes);
      },
    },
  };
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const upstream = { name: "echo", fetch: () => Promise.resolve(Response.json({})) };
  const gateway = createGateway({
    publicOrigin: origin,
    issuers: [{
      alias: "acme",
      iss,
      audience: "api",
      clients: { claim: "azp", allow: ["web"] },
      require: { org: ["o1"] },
      algorithms: ["EdDSA"],
      jwks: { keys: [jwk] },
    }],
    routes: [
      { path: "/member", access: "authenticated", upstream },
      { path: "/optional", access: "optional", upstream },
    ],
    revocation: { redis },
    passport: {
      issuer: "test",
      audience: "test",
      keys: staticPassportSigningKeys([{
        profile: "S",
        state: "signing",
        signing: await importSecret({ kid: "p1", secret }),
      }]),
    },
    log: createLogger({
      service: "gateway",
      level: "debug",
      sink: (line) => void lines.push(line),
    }),
    telemetry,
  });
  return {
    entries,
    async send(path: string, token: string, accept = "application/json") {
      for (const records of [lines, spans, counted]) records.length = 0;
      const headers = { authorization: `Bearer ${token}`, accept };
      const response = await gateway.request(`${origin}${path}`, { headers });
      const text = await response.text();
      const line = lines.map((one) => JSON.parse(one)).find(({ message }) =>
        message === "Request completed"
      );
      const span = spans.find((one) => one["url.path"] === path);
      return { response, text, line, span, counted: [...counted], all: [lines, spans, counted] };
    },
  };
}

/** Everything that the caller gets, without the trace's id and the time. */
function toBytes({ response, text }: { response: Response; text: string }): string {
  const traceId = response.headers.get("x-trace-id") ?? "none";
  const parts = [response.status, [...response.headers], text];
  return JSON.stringify(parts).replaceAll(traceId, "<trace>");
}

Deno.test("a token of the fixture passes: each refusal below has one cause", async () => {
  const { send } = await setup();
  const { response, counted, line } = await send("/member", await makeToken({}));
  assert.equal(response.status, 200);
  assert.deepEqual([counted, line.tokenRefusal], [[], undefined]);
});

Deno.test("the cases have every reason that the documentation has", () => {
  const kinds = new Set(Object.keys(cases).map(toRefusalKind));
  assert.deepEqual([...kinds].toSorted(), Object.keys(refusalWords).toSorted());
});

for (const [reason, { token, revoked, issuer = "acme" }] of Object.entries(cases)) {
  Deno.test(`${reason} is on span, log line and metric, where the caller counts as anonymous too`, async () => {
    const { send, entries } = await setup();
    if (revoked) entries.set(...revoked);
    const text = await token();
    for (const [path, status] of [["/member", 401], ["/optional", 200]] as const) {
      const { response, line, span, counted, all } = await send(path, text);
      assert.equal(response.status, status);
      assert.equal(line.tokenRefusal, reason);
      assert.equal(line.level, "info");
      assert.equal(span?.["edgepass.token.refusal"], reason);
      assert.equal(span?.["edgepass.issuer"] ?? "unknown", issuer);
      assert.deepEqual(counted, [
        { "edgepass.issuer": issuer, "edgepass.token.refusal": reason },
      ]);
      const recorded = JSON.stringify(all);
      for (const secret of [text, ...Object.values(personal)]) {
        assert.ok(!recorded.includes(secret), path);
      }
      // The subject of a verified token is recorded on purpose; of a refused one nothing is.
      if (!revoked) assert.ok(!recorded.includes("ada-private"), recorded);
    }
  });
}

Deno.test("all reasons of one code give the caller the same body and headers", async () => {
  for (const accept of ["application/json", "application/problem+json"]) {
    const responses = new Map<string, Set<string>>();
    for (const [reason, { token, revoked }] of Object.entries(cases)) {
      const { send, entries } = await setup();
      if (revoked) entries.set(...revoked);
      const sent = await send("/member", await token(), accept);
      const { code, error } = JSON.parse(sent.text);
      const name = String(code ?? error.code);
      const expected = reason === "expired"
        ? "token_expired"
        : reason.startsWith("revoked:")
        ? "token_revoked"
        : "token_invalid";
      assert.equal(name, expected, reason);
      responses.set(name, (responses.get(name) ?? new Set()).add(toBytes(sent)));
    }
    assert.deepEqual([...responses.values()].map(({ size }) => size), [1, 1, 1]);
  }
});
