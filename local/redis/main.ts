/**
 * Serves Redis over REST as a process of its own: `UPSTASH_REDIS_REST_TOKEN=… deno run --allow-all
 * local/redis/main.ts --file <path> [--port <n>]`; with `REDIS_URL` in front of a real Redis.
 *
 * The first line on stdout is `{"url"}` once it serves.
 */
import { parseArgs } from "node:util";
import { announceUntilSignal, serveOnLoopback } from "../loopback.ts";
import { serveRedis } from "./serve.ts";

const { values: { file, port } } = parseArgs({
  options: { file: { type: "string" }, port: { type: "string", default: "0" } },
});
const redisUrl = Deno.env.get("REDIS_URL") ?? "";
if (file === undefined && redisUrl === "") throw new TypeError("Cannot start: --file is missing");
const redis = await serveRedis({
  token: Deno.env.get("UPSTASH_REDIS_REST_TOKEN") ?? "",
  file: file ?? "",
  redisUrl,
  serve: (handler) => serveOnLoopback(Number(port), handler),
  onError: (cause) => console.error(cause),
});
await announceUntilSignal(redis.url);
await redis.close();
Deno.exit(0);
