import { Problem } from "@edgepass/shared/problem";
import {
  type Redis,
  type RedisPipeline,
  RedisUnavailable,
  revocationKeys,
  type RevocationLevel,
} from "@edgepass/shared/redis";
import { count } from "@edgepass/shared/telemetry";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import type { RevocationRow, RevocationStore } from "./store/mod.ts";

/** Brings what the durable log says into Redis, where the gateway reads it. */
export interface RevocationWriter {
  /** Until when the log keeps a revocation that is made now, epoch milliseconds. */
  keepUntil(): number;
  /**
   * Tells Redis of a change in the log; returns at once when Redis knows it already.
   *
   * @throws {Problem} `revocation_unavailable`; the sweep goes on trying
   */
  announce(level: RevocationLevel, id: string): Promise<void>;
  /** Tells whether Redis has not yet heard of a change in the log. */
  isPending(level: RevocationLevel, id: string): Promise<boolean>;
  /** Writes the whole log into Redis and declares the list complete. @throws as `announce` */
  refill(): Promise<void>;
  /** `refill`, if Redis says that the list is not complete. @throws as `announce` */
  refillIfIncomplete(): Promise<void>;
  /** Repeats what Redis missed. @throws as `announce` */
  pushPending(): Promise<void>;
}

export interface RevocationWriterOptions {
  readonly store: RevocationStore;
  readonly redis: Redis;
  readonly leewaySeconds: number;
  readonly now: () => number;
  /**
   * Writes what else an emptied Redis has lost before the list is declared complete, and answers the
   * keys that have to be there then. @throws {RedisUnavailable}
   */
  readonly refillOthers?: () => Promise<readonly string[]>;
}

/** Commands in one pipeline. */
const chunkSize = 500;

/** Clocks of gateways may differ by more than the leeway says; an entry must not end early. */
const marginSeconds = 60;

/** Only ever raises the value, and never shortens the life of the key. */
const raise = `
local present = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > present then
  local left = redis.call('TTL', KEYS[1])
  redis.call('SET', KEYS[1], ARGV[1], 'EX', math.max(left, tonumber(ARGV[2])))
elseif redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1`;

/** An entry of this refill that is gone again means that Redis was emptied in between. */
const declareComplete = `
for at = 2, #KEYS do
  if redis.call('EXISTS', KEYS[at]) == 0 then return 0 end
end
redis.call('SET', KEYS[1], '1')
return 1`;

/** Makes the one writer of the revocation list. */
export function createRevocationWriter(
  { store, redis, leewaySeconds, now, refillOthers }: RevocationWriterOptions,
): RevocationWriter {
  const keepSeconds = maxAccessTokenLifeSeconds + leewaySeconds + marginSeconds;

  async function push(rows: readonly RevocationRow[]): Promise<void> {
    const at = now();
    await ask(redis, (pipeline) => rows.forEach((row) => write(pipeline, row, at)));
  }

  async function refill(): Promise<void> {
    let first: RevocationRow | undefined;
    let after: RevocationRow | undefined;
    let rows: RevocationRow[];
    do {
      rows = await store.list({ now: now(), after, limit: chunkSize });
      if (rows.length > 0) await push(rows);
      first ??= rows[0];
      after = rows.at(-1);
    } while (rows.length === chunkSize);
    const others = await asProblem(refillOthers?.() ?? Promise.resolve([]));
    const keys = [revocationKeys.ready, ...(first ? [keyOf(first)] : []), ...others];
    const [declared] = await ask(redis, (pipeline) => pipeline.eval(declareComplete, keys, []));
    if (Number(declared) !== 1) throw unavailable(new RedisUnavailable("Emptied while refilling"));
  }

  return {
    keepUntil: () => now() + keepSeconds * 1000,
    async announce(level, id) {
      const row = await store.findUnpushed(level, id);
      if (!row) return;
      await push([row]);
      count("edgepass.auth.revocations", { "edgepass.revocation.kind": level });
      await store.markPushed([row]);
    },
    async isPending(level, id) {
      return (await store.findUnpushed(level, id)) !== undefined;
    },
    refill,
    async refillIfIncomplete() {
      const [ready] = await ask(redis, (pipeline) => pipeline.get(revocationKeys.ready));
      if (ready === null) await refill();
    },
    async pushPending() {
      let rows: RevocationRow[];
      do {
        rows = await store.unpushed({ now: now(), limit: chunkSize });
        if (rows.length > 0) await push(rows);
        await store.markPushed(rows);
      } while (rows.length === chunkSize);
    },
  };
}

function write(pipeline: RedisPipeline, row: RevocationRow, now: number): void {
  const seconds = Math.max(1, Math.ceil((row.expiresAt - now) / 1000));
  if (row.level === "subject") {
    pipeline.eval(raise, [keyOf(row)], [String(row.value), String(seconds)]);
  } else pipeline.set(keyOf(row), "1", { ex: seconds });
}

function keyOf({ level, id }: RevocationRow): string {
  return revocationKeys.of(level, id);
}

function ask(redis: Redis, build: (pipeline: RedisPipeline) => void): Promise<readonly unknown[]> {
  return asProblem(redis.pipeline(build));
}

async function asProblem<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RedisUnavailable) throw unavailable(error);
    throw error;
  }
}

function unavailable(cause: RedisUnavailable): Problem {
  return new Problem("revocation_unavailable", { cause });
}
