import { count } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import {
  reachesPosition,
  readRevocationPosition,
  type Redis,
  type RedisPipeline,
  RedisUnavailable,
  revocationKeys,
  type RevocationLevel,
  type RevocationPosition,
} from "@edgepass/shared/redis";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import {
  addDeclaration,
  addEntries,
  addRebuildStep,
  describePosition,
} from "./revocation_scripts.ts";
import type { RevocationRow, RevocationStore } from "./store/revocations.ts";

/** Writes the durable log to Redis, where the gateway reads it. */
export interface RevocationWriter {
  /** When the log deletes a revocation that is made now, epoch milliseconds. */
  keepUntil(): number;
  /**
   * Writes a change of the log to Redis; returns at once when Redis already has it.
   *
   * @throws {Problem} `revocation_unavailable`; the scheduled maintenance retries
   */
  announce(level: RevocationLevel, id: string): Promise<void>;
  /** Whether a change of the log is not yet in Redis. */
  isPending(level: RevocationLevel, id: string): Promise<boolean>;
  /**
   * Writes the whole log to Redis, declares the list complete, and returns its position.
   *
   * @throws as `announce`
   */
  rebuild(): Promise<RevocationPosition>;
  /** `rebuild`, unless Redis has everything that was written to it. @throws as `announce` */
  rebuildIfIncomplete(): Promise<void>;
  /** Repeats what Redis missed. @throws as `announce` */
  pushPending(): Promise<void>;
}

/** Other keys that are lost together with the list. */
export interface RebuildOthers {
  /** A key whose presence shows that the others exist. */
  readonly key: string;
  /** Whether the value of that key is older than the last one written to Redis. */
  isBehind(value: unknown): Promise<boolean>;
  /** Writes the keys, and returns those that must exist then. @throws {RedisUnavailable} */
  rebuild(): Promise<readonly string[]>;
}

export interface RevocationWriterOptions {
  readonly store: RevocationStore;
  readonly redis: Redis;
  readonly leewaySeconds: number;
  readonly log: Logger;
  readonly now: () => number;
  /** A name of 1 to 64 characters of `[A-Za-z0-9_-]` that was never used before. */
  readonly newName: () => string;
  readonly others?: RebuildOthers;
}

/** Entries in one script. */
const chunkSize = 500;

/** Gateway clocks may differ by more than the leeway; an entry must not expire early. */
const marginSeconds = 60;

/** Creates the only writer of the revocation list. */
export function createRevocationWriter(options: RevocationWriterOptions): RevocationWriter {
  const { store, leewaySeconds, now } = options;
  const keepSeconds = maxAccessTokenLifeSeconds + leewaySeconds + marginSeconds;
  return {
    keepUntil: () => now() + keepSeconds * 1000,
    async announce(level, id) {
      const row = await store.findUnpushed(level, id);
      if (!row) return;
      await pushNext(options, row);
      count("edgepass.auth.revocations", { "edgepass.revocation.kind": level });
    },
    async isPending(level, id) {
      return (await store.findUnpushed(level, id)) !== undefined;
    },
    rebuild: () => rebuild(options),
    rebuildIfIncomplete: () => rebuildIfIncomplete(options),
    async pushPending() {
      while (await pushNext(options));
    },
  };
}

/**
 * Writes the first unpushed rows to Redis, and `requested`, wherever it is in the log; returns
 * whether more rows follow.
 */
async function pushNext(
  options: RevocationWriterOptions,
  requested?: RevocationRow,
): Promise<boolean> {
  const { store, redis, now } = options;
  const { log: end, rows, pushedUpTo: after } = await store.unpushed({
    now: now(),
    limit: chunkSize,
  });
  const hasMore = rows.length === chunkSize;
  const upTo = hasMore ? { ...end, position: rows.at(-1)?.position ?? after } : end;
  const others = requested && !rows.some((row) => isSame(row, requested)) ? [requested] : [];
  const pushed = [...rows, ...others];
  if (pushed.length === 0) return false;
  const at = now();
  const [ready] = await execute(redis, (pipeline) => {
    addEntries(pipeline, { rows: pushed, after, upTo, now: at });
  });
  const positionInRedis = readRevocationPosition(ready);
  if (!reachesPosition(positionInRedis, upTo) || await isAhead(store, positionInRedis, end)) {
    await repair(options, positionInRedis, end);
  }
  // Last, and without rows that were pushed out of order: as long as the list may have a gap
  // before a row, the next run finds that row again.
  await store.markPushed(rows);
  return hasMore;
}

/**
 * Redis is ahead of a log that was restored from a backup: the log needs a new identity, because
 * its next positions will mean other entries.
 */
async function isAhead(
  store: RevocationStore,
  positionInRedis: RevocationPosition | undefined,
  { identity, position }: RevocationPosition,
): Promise<boolean> {
  if (positionInRedis?.identity !== identity || positionInRedis.position <= position) return false;
  // Another instance may have advanced since the log was read.
  return positionInRedis.position > (await store.readLog()).position;
}

async function repair(
  options: RevocationWriterOptions,
  positionInRedis: RevocationPosition | undefined,
  end: RevocationPosition,
): Promise<void> {
  const [has, should] = [describePosition(positionInRedis), describePosition(end)];
  options.log.warn("Revocation list differs from the log: rebuilding it", { has, should });
  await rebuild(options);
}

async function rebuild(options: RevocationWriterOptions): Promise<RevocationPosition> {
  const { store, redis, log, newName, others } = options;
  const id = newName();
  // Read first: the declared position must not cover rows that are logged while these are written.
  const upTo = await store.readLog();
  const steps = await writeAll(options, id);
  const keys = await asProblem(others?.rebuild() ?? Promise.resolve([]));
  const [ready] = await execute(redis, (pipeline) => {
    addDeclaration(pipeline, { id, steps, others: keys, upTo });
  });
  const positionInRedis = readRevocationPosition(ready);
  if (!reachesPosition(positionInRedis, upTo)) throw changedMeanwhile();
  if (!(await isAhead(store, positionInRedis, upTo))) return positionInRedis;
  log.warn("The revocation log is older than the list: it continues under another identity", {
    has: describePosition(positionInRedis),
    should: describePosition(upTo),
  });
  await store.renameLog({ from: upTo.identity, to: newName() });
  return await rebuild(options);
}

/** Writes every unexpired row, and returns the number of steps that took. */
async function writeAll(
  { store, redis, now }: RevocationWriterOptions,
  id: string,
): Promise<number> {
  let step = 0;
  let rows: RevocationRow[] = [];
  do {
    rows = await store.list({ now: now(), after: rows.at(-1), limit: chunkSize });
    if (rows.length === 0) break;
    const at = now();
    const [done] = await execute(redis, (pipeline) => {
      addRebuildStep(pipeline, { id, step, rows, now: at });
    });
    if (Number(done) !== 1) throw changedMeanwhile();
    step++;
  } while (rows.length === chunkSize);
  return step;
}

async function rebuildIfIncomplete(options: RevocationWriterOptions): Promise<void> {
  const { store, redis, now, others } = options;
  // The log first: everything pushed by then must be in Redis when Redis is read.
  const { log: end, pushedUpTo } = await store.unpushed({ now: now(), limit: 1 });
  const pushed = { ...end, position: pushedUpTo };
  const keys = [revocationKeys.ready, ...(others ? [others.key] : [])];
  const [values] = await execute(redis, (pipeline) => pipeline.mget(...keys));
  const [ready, other] = requireValues(values, keys.length);
  const positionInRedis = readRevocationPosition(ready);
  const isWhole = reachesPosition(positionInRedis, pushed) &&
    !(await isAhead(store, positionInRedis, end)) &&
    !(await others?.isBehind(other));
  if (!isWhole) await repair(options, positionInRedis, pushed);
}

function isSame(one: RevocationRow, other: RevocationRow): boolean {
  return one.level === other.level && one.id === other.id;
}

function requireValues(reply: unknown, length: number): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply;
  throw unavailable(new RedisUnavailable("Redis answered another number of values than keys"));
}

function execute(
  redis: Redis,
  build: (pipeline: RedisPipeline) => void,
): Promise<readonly unknown[]> {
  return asProblem(redis.pipeline(build));
}

async function asProblem<Value>(pending: Promise<Value>): Promise<Value> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof RedisUnavailable) throw unavailable(error);
    throw error;
  }
}

/** Redis was emptied or restored during the rebuild: earlier steps may be lost. */
function changedMeanwhile(): Problem {
  return unavailable(new RedisUnavailable("Redis has lost what this rebuild wrote"));
}

function unavailable(cause: RedisUnavailable): Problem {
  return new Problem("revocation_unavailable", { cause });
}
