import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";

/**
 * Redis over REST with a round trip of `DELAY_MS`; counts the commands that a provider would bill.
 *
 * By `node:http`, because `Deno.serve` of Deno 2.9.5 closes the connection after a request with more
 * than about a kilobyte of body (denoland/deno#36657), which no provider does.
 */
const token = Deno.env.get("TOKEN") ?? "";
const delayMs = Number(Deno.env.get("DELAY_MS") ?? 0);
const rest = createRedisRest({ backend: createEmbeddedRedis(), token });
let calls = 0;
let commands = 0;

createServer(async (request, response) => {
  const result = request.url === "/counters"
    ? Response.json({ calls, commands })
    : await run(new URL(request.url ?? "/", "http://127.0.0.1"), {
      authorization: request.headers.authorization ?? "",
      body: await text(request),
    });
  const body = await result.text();
  response.writeHead(result.status, {
    "content-type": result.headers.get("content-type") ?? "application/json",
    "content-length": new TextEncoder().encode(body).length,
  });
  response.end(body);
}).listen(Number(Deno.env.get("PORT")), "127.0.0.1", () => console.log("ready"));

async function run(
  url: URL,
  { authorization, body }: { authorization: string; body: string },
): Promise<Response> {
  calls++;
  const parsed: unknown = JSON.parse(body);
  commands += Array.isArray(parsed) && Array.isArray(parsed[0]) ? parsed.length : 1;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  return await rest(new Request(url, { method: "POST", headers: { authorization }, body }));
}
