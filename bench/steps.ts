import { createAuthenticate } from "../gateway/authenticate.ts";
import { wrapResponse } from "../gateway/response/envelope.ts";
import { createForward } from "../gateway/forward.ts";
import { createIssuers } from "../gateway/issuers.ts";
import { createEdgeStateReader } from "../gateway/edge_state.ts";
import { createCheckRevocation } from "../gateway/revocation.ts";
import { createRevocationList } from "../gateway/revocation_list.ts";
import { createSignPassport } from "../gateway/passport.ts";
import { createUpstreamHeaders } from "../gateway/request/headers.ts";
import { readRequestBody } from "../gateway/request/body.ts";
import { createRouteTable } from "../gateway/routes.ts";
import { readTarget } from "../gateway/request/target.ts";
import { encodeBase64Url, importSecret, toSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { cookieNames, signAccessToken } from "@edgepass/shared/tokens";
import { automaticPipelining, createUpstashRedis } from "@edgepass/shared/redis";
import { localUpstream } from "@edgepass/shared/configuration";
import { newTrace } from "@edgepass/shared/telemetry";

const origin = "http://127.0.0.1:8787";
const iterations = 5_000;

/**
 * CPU microseconds of single steps of a request, each alone in a loop of this process; revocation
 * with 32 requests at once, as under load.
 */
export async function measureSteps(
  redis: { readonly url: string; readonly token: string },
): Promise<Record<string, number>> {
  const log = createLogger({ service: "bench", sink: () => {} });
  const effects = { now: Date.now, log };
  const { token, jwks } = await createToken();
  const issuers = createIssuers(
    [{ iss: origin, audience: origin, algorithms: ["EdDSA"], jwks }],
    effects,
  );
  const presented = { kind: "one", token: toSecret(token) } as const;
  const options = { issuers, leewaySeconds: 5, now: Date.now };
  const cached = createAuthenticate(options);
  const uncached = createAuthenticate({ ...options, maxCached: 0 });
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const signingKeys = { S: await importSecret({ kid: "p1", secret }) };
  const sign = createSignPassport({ issuer: origin, audience: "bench", signingKeys }, effects);
  const bearer = await cached(presented);
  const trace = newTrace();
  const { readEdgeState } = createEdgeStateReader({
    redis: automaticPipelining(createUpstashRedis({ ...redis, timeoutMs: 5_000 })),
    list: createRevocationList(undefined, effects),
    readsVersion: false,
  }, effects);
  const checkRevocation = createCheckRevocation(effects);
  const checkOnce = () => checkRevocation(bearer, "strict", () => readEdgeState({ token: bearer }));
  const echo = localUpstream("echo", { fetch: () => Response.json({ id: 1 }) });
  const table = createRouteTable([{ path: "/me", upstream: echo, access: "authenticated" }], {
    maxTimeoutMs: 30_000,
  });
  const [route] = table.routes;
  const target = readTarget(`${origin}/me`, { maxBytes: 8192, maxParameters: 200 });
  const forward = createForward({ currentPolicy: () => ({ table }) });
  const request = new Request(`${origin}/me`, { headers: { cookie: `access_token=${token}` } });
  const { token: passport } = await sign(bearer, trace.traceId);
  const names = cookieNames(origin);
  const toUpstreamHeaders = createUpstreamHeaders({ publicOrigin: origin, cookieNames: names });
  const outgoing = () =>
    toUpstreamHeaders(request.headers, route!, {
      passport: { token: passport },
      trace,
      clientAddress: "127.0.0.1",
      refreshCookies: [],
    });
  const body = await readRequestBody(request, {
    maxBytes: 1_048_576,
    plain: true,
    idleMs: 10_000,
    totalMs: 30_000,
  });
  const json = JSON.stringify({ id: "0192d3c0-0000-7000-8000-000000000000", name: "Someone" });
  return {
    "verify, signature checked": await time(() => uncached(presented)),
    "verify, token known": await time(() => cached(presented)),
    "revocation, shared round trips": await timeTogether(checkOnce),
    "sign Passport": await time(() => sign(bearer, trace.traceId)),
    "headers to upstream": await time(() => Promise.resolve(outgoing())),
    "forward, in this isolate": await time(() =>
      forward(
        {
          route: route!,
          target,
          method: "GET",
          headers: outgoing(),
          body,
          signal: new AbortController().signal,
        },
        (response) => Promise.resolve(response),
      )
    ),
    "envelope": await time(() => {
      const response = new Response(json, { headers: { "content-type": "application/json" } });
      const headers = new Headers(response.headers);
      return wrapResponse(request, response, { headers, traceId: trace.traceId, envelope: true });
    }),
  };
}

async function createToken() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const iat = Math.floor(Date.now() / 1000);
  const id = () => encodeBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const token = await signAccessToken({
    iss: origin,
    aud: origin,
    sub: id(),
    iat,
    exp: iat + 900,
    jti: id(),
    sid: id(),
    uv: 1,
    roles: ["learner"],
    scope: "",
  }, { kid: "a1", alg: "EdDSA", key: pair.privateKey });
  return { token, jwks: { keys: [{ ...jwk, kid: "a1", alg: "EdDSA", use: "sig" }] } };
}

/** CPU microseconds of one step, over many of them. */
export async function time(step: () => Promise<unknown>): Promise<number> {
  for (let n = 0; n < iterations / 5; n++) await step();
  const before = cpuSeconds();
  for (let n = 0; n < iterations; n++) await step();
  return Math.round((cpuSeconds() - before) / iterations * 1e7) / 10;
}

async function timeTogether(step: () => Promise<unknown>): Promise<number> {
  let left = iterations;
  const work = async () => {
    while (left-- > 0) await step();
  };
  const before = cpuSeconds();
  await Promise.all(Array.from({ length: 32 }, work));
  return Math.round((cpuSeconds() - before) / iterations * 1e7) / 10;
}

function cpuSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
