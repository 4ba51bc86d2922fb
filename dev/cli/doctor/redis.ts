import { createUpstashRedis, type Redis, revocationKeys } from "@edgepass/shared/redis";
import { createRedisProxy } from "@edgepass/local/redis";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";

/** Long enough to distinguish a slow Redis from one that does not respond. */
const patienceMs = 3_000;
/** The first round trip opens the connection, which the programs do once. */
const roundTrips = 5;

/** Redis responds within the budget of a request, and the revocation list is complete. */
export async function checkRedis(context: DoctorContext, effects: Effects): Promise<Finding[]> {
  const { settings } = context;
  if (!context.parts.some((part) => part === "gateway" || part === "auth")) return [];
  if (isServedByDev(context) && context.dev.name !== "running") {
    return await checkBehind(context);
  }
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = settings;
  if (!URL.canParse(url) || token === "") return [];
  const refusal = await findRefusal({ url, token }, effects);
  if (refusal) return [refusal];
  const redis = createUpstashRedis({ url, token, timeoutMs: patienceMs });
  const { times, isReady } = await measure(redis, effects.elapsed);
  return [judgeTime(median(times), Number(settings.REVOCATION_TIMEOUT_MS)), judgeList(isReady)];
}

/** Without an external address, dev serves one on loopback for as long as it runs. */
export function isServedByDev({ scope, settings, variables }: DoctorContext): boolean {
  if (scope === "deployment" || (variables.UPSTASH_REDIS_REST_URL ?? "") !== "") return false;
  const { UPSTASH_REDIS_REST_URL: url } = settings;
  return url === "" || URL.parse(url)?.hostname === "127.0.0.1";
}

/** What dev will serve once it is started: its own engine, or a Redis that must be there. */
async function checkBehind({ settings: { REDIS_URL } }: DoctorContext): Promise<Finding[]> {
  if (REDIS_URL === "") return [ok("dev serves its own, which is not running")];
  try {
    const backend = createRedisProxy({ url: REDIS_URL });
    try {
      await backend.execute(["PING"]);
      return [ok("a Redis responds at REDIS_URL")];
    } finally {
      await backend.close();
    }
  } catch {
    return [fail("no Redis responds at REDIS_URL", "start it, or unset REDIS_URL for dev's own")];
  }
}

/** Why the endpoint is unusable; its own message is not shown, because it may quote the token. */
async function findRefusal(
  { url, token }: { url: string; token: string },
  { request }: Effects,
): Promise<Finding | undefined> {
  let status: number;
  try {
    const response = await request(url, {
      method: "POST",
      body: '["PING"]',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(patienceMs),
    });
    await response.body?.cancel();
    status = response.status;
  } catch {
    return fail(
      "no response from UPSTASH_REDIS_REST_URL",
      "set UPSTASH_REDIS_REST_URL to the REST address of your Redis, or unset it for dev's own",
    );
  }
  if (status === 200) return undefined;
  if (status === 401 || status === 403) {
    const fix =
      "set UPSTASH_REDIS_REST_TOKEN to the token of that database, the one that may write";
    return fail("Redis refuses UPSTASH_REDIS_REST_TOKEN", fix);
  }
  const fix = "set UPSTASH_REDIS_REST_URL to the REST address of your Redis, not that of redis://";
  return fail(`the server at UPSTASH_REDIS_REST_URL is no Redis (status ${status})`, fix);
}

/** The command that every strict request sends, sent the same way. */
async function measure(
  redis: Redis,
  elapsed: () => number,
): Promise<{ times: number[]; isReady: boolean }> {
  const times: number[] = [];
  let isReady = false;
  for (let trip = 0; trip <= roundTrips; trip++) {
    const begun = elapsed();
    const [reply] = await redis.pipeline((pipeline) => pipeline.mget(revocationKeys.ready));
    if (trip > 0) times.push(elapsed() - begun);
    isReady = Array.isArray(reply) && reply[0] !== null && reply[0] !== undefined;
  }
  return { times, isReady };
}

function judgeTime(tookMs: number, budgetMs: number): Finding {
  const what = `a round trip takes ${tookMs.toFixed(1)} ms of ${budgetMs} ms`;
  const fix = "use a Redis that is nearer, or raise REVOCATION_TIMEOUT_MS";
  if (tookMs >= budgetMs) return fail(`${what}: protected requests would be 503`, fix);
  return tookMs >= budgetMs / 2 ? warn(`${what}, which leaves little room`, fix) : ok(what);
}

function judgeList(isReady: boolean): Finding {
  return isReady ? ok("the revocation list is complete") : warn(
    "the revocation list is not complete yet: protected requests are 503 until it is",
    "start auth, or restart it: it rebuilds the list from its database",
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.POSITIVE_INFINITY;
}
