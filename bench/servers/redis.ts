import { createEmbeddedRedis, createRedisRest } from "@edgepass/dev/redis";

/** Redis over REST with a round trip of `DELAY_MS`; counts what a provider would bill. */
const token = Deno.env.get("TOKEN") ?? "";
const delayMs = Number(Deno.env.get("DELAY_MS") ?? 0);
const rest = createRedisRest({ backend: createEmbeddedRedis(), token });
let calls = 0;
let commands = 0;

Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, async (request) => {
  if (request.url.endsWith("/counters")) return Response.json({ calls, commands });
  calls++;
  const body = await request.text();
  const parsed: unknown = JSON.parse(body);
  commands += Array.isArray(parsed) && Array.isArray(parsed[0]) ? parsed.length : 1;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  return await rest(new Request(request.url, { method: "POST", headers: request.headers, body }));
});
