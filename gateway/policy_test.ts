import {
  createLiveConfiguration,
  initialGatewayValues,
  readGatewayValues,
} from "@edgepass/shared/configuration";
import { importKeyPair, importSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import type { Redis, RedisPipeline } from "@edgepass/shared/redis";
import { signAccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import { createGateway, type Route, staticPassportSigningKeys } from "./mod.ts";

const origin = "http://127.0.0.1:8787";
const environment = { logLevel: "info", passportTtlSeconds: 30 } as const;
const lines: string[] = [];
const log = createLogger({ service: "gateway", sink: (line) => void lines.push(line) });

function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

/** A Redis in memory; `increments` has each counter that a request asked it to increment. */
function createRedis() {
  const values = new Map([["rv:ready", "1"]]);
  const increments: string[] = [];
  const redis: Redis = {
    pipeline(build) {
      const replies: unknown[] = [];
      build(toPipeline({
        mget: (...keys: string[]) => replies.push(keys.map((key) => values.get(key) ?? null)),
        get: (key: string) => replies.push(values.get(key) ?? null),
        eval(_script: string, keys: string[]) {
          increments.push(...keys.filter((_key, at) => at % 2 === 0));
          replies.push(keys.map((_key, at) => 1 - at % 2));
        },
      }));
      return Promise.resolve(replies);
    },
  };
  const configure = (version: number, document: unknown): void => {
    values.set("cfg", String(version));
    values.set("cfg:doc", JSON.stringify({ version, document }));
  };
  return { redis, values, increments, configure };
}

/** An issuer's key set, and one of its tokens. */
async function createToken() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { x = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const signing = await importKeyPair("k", { kty: "OKP", crv: "Ed25519", x, d });
  assert.ok(signing);
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: origin, aud: origin, sub: "u", iat, exp: iat + 600, jti: "j", sid: "s" };
  const token = await signAccessToken({ ...claims, uv: 1, roles: [], scope: "" }, signing);
  return { token, jwks: { keys: [{ kid: "k", kty: "OKP", crv: "Ed25519", x, alg: "EdDSA" }] } };
}

/** A gateway with one limit by address, and a caller with a valid token. */
async function setup(routes: readonly Route[]) {
  const { redis, ...state } = createRedis();
  const { token, jwks } = await createToken();
  const signing = await importSecret({
    kid: "p1",
    secret: crypto.getRandomValues(new Uint8Array(32)),
  });
  const gateway = createGateway({
    publicOrigin: origin,
    issuers: [{ iss: origin, audience: origin, algorithms: ["EdDSA"], jwks }],
    routes,
    revocation: { redis },
    passport: {
      issuer: "test",
      audience: "test",
      keys: staticPassportSigningKeys([{ profile: "S", state: "signing", signing }]),
    },
    configuration: createLiveConfiguration({
      redis,
      initial: {
        ...initialGatewayValues(environment),
        limits: { address: { limit: 100, windowSeconds: 60 } },
      },
      read: (document) => readGatewayValues(document, environment),
      log: () => log,
    }),
    log,
  });
  const send = async (path: string, bearer = token) =>
    await gateway.request(`${origin}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
  return { ...state, send };
}

const open = { name: "open", fetch: () => Promise.resolve(Response.json({})) };

for (const isRevoked of [true, false]) {
  const outcome = isRevoked ? "refused" : "accepted";
  Deno.test(
    `the request by which a public route becomes protected is counted once, and its ${
      isRevoked ? "revoked" : "valid"
    } token is ${outcome}`,
    async () => {
      const { send, values, increments, configure } = await setup([
        { path: "/open/*", access: "public", upstream: open },
      ]);
      assert.equal((await send("/open")).status, 200);
      increments.length = 0;
      if (isRevoked) values.set("rv:j:j", "1");
      // Nothing listens there: an accepted request fails on its way to the service.
      const route = { prefix: "/open", upstream: "http://127.0.0.1:1", access: "authenticated" };
      configure(1, { gateway: { routes: [route] } });
      const { error } = await (await send("/open")).json();
      assert.match(error.code, isRevoked ? /^token_revoked$/ : /^upstream_/);
      assert.equal(new Set(increments).size, increments.length, increments.join());
    },
  );
}

Deno.test("a token that the newer configuration does not read counts as no refusal", async () => {
  const { send, configure } = await setup([
    { path: "/open/*", access: "optional", upstream: open },
  ]);
  const route = { prefix: "/open", upstream: "http://127.0.0.1:1", access: "public" };
  configure(1, { gateway: { routes: [route] } });
  lines.length = 0;
  const { error } = await (await send("/open", "garbage")).json();
  assert.match(error.code, /^upstream_/, "the route is public by now");
  const line = lines.map((one) => JSON.parse(one)).find(({ message }) =>
    message === "Request completed"
  );
  assert.equal(line.tokenRefusal, undefined);
});

Deno.test("an event stream is rechecked against Redis, however old a check its route accepts", async () => {
  const upstream = {
    name: "ticks",
    fetch: () =>
      Promise.resolve(
        new Response(new ReadableStream(), { headers: { "content-type": "text/event-stream" } }),
      ),
  };
  const { send, values } = await setup([{
    path: "/ticks",
    access: "authenticated",
    upstream,
    revocation: { boundedMs: 3_600_000 },
    recheckMs: 1,
  }]);
  const response = await send("/ticks");
  assert.equal(response.status, 200);
  values.set("rv:s:s", "1");
  assert.equal(await within("the stream ends", response.text()), "");
});
