import { encodeBase64Url } from "@edgepass/shared/crypto";
import { automaticPipelining, createUpstashRedis } from "@edgepass/shared/redis";
import { Hono } from "hono";

/**
 * The second baseline: the minimum of a gateway, with no policy at all. Hono, one call of Redis by
 * the official client, one HMAC by Web Crypto, one `fetch` that can be aborted, the response as text
 * in an envelope, one log line.
 */
const { PORT, UPSTREAM, UPSTASH_REDIS_REST_URL: url = "", UPSTASH_REDIS_REST_TOKEN: token = "" } =
  Deno.env.toObject();
const redis = automaticPipelining(createUpstashRedis({ url, token, timeoutMs: 5_000 }));
const hmac = { name: "HMAC", hash: "SHA-256" };
const key = await crypto.subtle.importKey("raw", new Uint8Array(32), hmac, false, ["sign"]);
const encoder = new TextEncoder();
const header = encodeBase64Url(encoder.encode(JSON.stringify({ alg: "HS256", kid: "p1" })));

async function sign(claims: unknown): Promise<string> {
  const input = `${header}.${encodeBase64Url(encoder.encode(JSON.stringify(claims)))}`;
  const signature = await crypto.subtle.sign(hmac, key, encoder.encode(input));
  return `${input}.${encodeBase64Url(new Uint8Array(signature))}`;
}

const app = new Hono();
app.all("*", async ({ req: { raw: request } }) => {
  const { pathname, search } = new URL(request.url);
  const who = request.headers.get("cookie")?.slice(40, 60);
  const traceId = crypto.randomUUID().replaceAll("-", "");
  await redis.pipeline((pipeline) => {
    pipeline.mget(...["jti", "sid", "sub", "kid", "cfg"].map((kind) => `${kind}:${who}`));
  });
  const passport = await sign({
    iss: "gateway",
    sub: who,
    iat: 1,
    exp: 31,
    txn: traceId,
    roles: [],
  });
  const abort = new AbortController();
  request.signal.addEventListener("abort", () => abort.abort(), { once: true });
  const timer = setTimeout(() => abort.abort(), 10_000);
  const response = await fetch(UPSTREAM + pathname + search, {
    method: request.method,
    headers: [
      ["x-passport", passport],
      ["traceparent", `00-${traceId}-${traceId.slice(0, 16)}-01`],
      ["x-deadline-ms", "10000"],
      ["x-forwarded-for", "127.0.0.1"],
      ["accept-encoding", "identity;q=1, *;q=0"],
    ],
    redirect: "manual",
    signal: abort.signal,
  });
  const text = await response.text();
  clearTimeout(timer);
  console.log(
    JSON.stringify({ time: Date.now(), traceId, path: pathname, status: response.status }),
  );
  return new Response(`{"success":true,"data":${text},"traceId":"${traceId}"}`, {
    headers: [["content-type", "application/json"], ["x-trace-id", traceId]],
  });
});
Deno.serve({
  port: Number(PORT),
  hostname: "127.0.0.1",
  onListen: () => console.error("ready"),
}, (request) => app.fetch(request));
