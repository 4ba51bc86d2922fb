import type { Logger } from "@edgepass/shared/log";
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
import { count } from "@edgepass/shared/telemetry";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import {
  addDeclaration,
  addEntries,
  addRebuildStep,
  describePosition,
} from "./revocation_scripts.ts";
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
  /**
   * Writes the whole log into Redis, declares the list complete, and returns the position that it has
   * then. @throws as `announce`
   */
  rebuild(): Promise<RevocationPosition>;
  /** `rebuild`, where Redis does not have all that it was told of. @throws as `announce` */
  rebuildIfIncomplete(): Promise<void>;
  /** Repeats what Redis missed. @throws as `announce` */
  pushPending(): Promise<void>;
}

/** What else is lost with the list. */
export interface RefillOthers {
  /** A key that says whether it is there. */
  readonly key: string;
  /** Whether what that key holds is older than what Redis was told. */
  isBehind(value: unknown): Promise<boolean>;
  /** Writes it, and returns the keys that have to be there then. @throws {RedisUnavailable} */
  rebuild(): Promise<readonly string[]>;
}

export interface RevocationWriterOptions {
  readonly store: RevocationStore;
  readonly redis: Redis;
  readonly leewaySeconds: number;
  readonly log: Logger;
  readonly now: () => number;
  /** A name of 1 to 64 characters out of `[A-Za-z0-9_-]` that nothing had before. */
  readonly newName: () => string;
  readonly others?: RefillOthers;
}

/** Entries in one script. */
const chunkSize = 500;

/** Clocks of gateways may differ by more than the leeway says; an entry must not end early. */
const marginSeconds = 60;

/** Makes the one writer of the revocation list. */
export function createRevocationWriter(options: RevocationWriterOptions): RevocationWriter {
  const { store, redis, leewaySeconds, log, now, newName, others } = options;
  const keepSeconds = maxAccessTokenLifeSeconds + leewaySeconds + marginSeconds;

  /** Redis is ahead of a log that was restored from a backup: what follows would be another story. */
  async function isAhead(
    told: RevocationPosition | undefined,
    { identity, position }: RevocationPosition,
  ): Promise<boolean> {
    if (told?.identity !== identity || told.position <= position) return false;
    // Another instance may have gone on since the log was read.
    return told.position > (await store.readLog()).position;
  }

  /**
   * Tells Redis of the first rows that it has not heard of, and of `wanted`, wherever that one is; and
   * whether there are more.
   */
  async function pushNext(wanted?: RevocationRow): Promise<boolean> {
    const { log: end, rows } = await store.unpushed({ now: now(), limit: chunkSize });
    const hasMore = rows.length === chunkSize;
    const after = (rows[0]?.position ?? end.position + 1) - 1;
    const upTo = hasMore ? { ...end, position: rows.at(-1)?.position ?? after } : end;
    const others = wanted && !rows.some((row) => isSame(row, wanted)) ? [wanted] : [];
    const pushed = [...rows, ...others];
    if (pushed.length === 0) return false;
    const at = now();
    const [ready] = await ask(redis, (pipeline) => {
      addEntries(pipeline, { rows: pushed, after, upTo, now: at });
    });
    const told = readRevocationPosition(ready);
    if (!reachesPosition(told, upTo) || await isAhead(told, end)) await repair(told, end);
    // Last, and not what was pushed out of its turn: as long as the list may have a gap before a row,
    // the next try finds that row again.
    await store.markPushed(rows);
    return hasMore;
  }

  async function repair(
    told: RevocationPosition | undefined,
    end: RevocationPosition,
  ): Promise<void> {
    const [has, should] = [describePosition(told), describePosition(end)];
    log.warn("Revocation list is not the one that was written: filling it", { has, should });
    await rebuild();
  }

  async function writeAll(id: string): Promise<number> {
    let step = 0;
    let rows: RevocationRow[] = [];
    do {
      rows = await store.list({ now: now(), after: rows.at(-1), limit: chunkSize });
      if (rows.length === 0) break;
      const at = now();
      const [done] = await ask(redis, (pipeline) => {
        addRebuildStep(pipeline, { id, step, rows, now: at });
      });
      if (Number(done) !== 1) throw changedMeanwhile();
      step++;
    } while (rows.length === chunkSize);
    return step;
  }

  async function rebuild(): Promise<RevocationPosition> {
    const id = newName();
    // Read first: what is logged while the rows are written is part of no promise.
    const upTo = await store.readLog();
    const steps = await writeAll(id);
    const keys = await asProblem(others?.rebuild() ?? Promise.resolve([]));
    const [ready] = await ask(redis, (pipeline) => {
      addDeclaration(pipeline, { id, steps, others: keys, upTo });
    });
    const told = readRevocationPosition(ready);
    if (!reachesPosition(told, upTo)) throw changedMeanwhile();
    if (!(await isAhead(told, upTo))) return told;
    log.warn("The revocation log is older than the list: it goes on under another name", {
      has: describePosition(told),
      should: describePosition(upTo),
    });
    await store.renameLog({ from: upTo.identity, to: newName() });
    return await rebuild();
  }

  return {
    keepUntil: () => now() + keepSeconds * 1000,
    async announce(level, id) {
      const row = await store.findUnpushed(level, id);
      if (!row) return;
      await pushNext(row);
      count("edgepass.auth.revocations", { "edgepass.revocation.kind": level });
    },
    async isPending(level, id) {
      return (await store.findUnpushed(level, id)) !== undefined;
    },
    rebuild,
    async rebuildIfIncomplete() {
      // The log first: what was pushed by then has to be in Redis when it is asked.
      const { log: end, rows: [unpushed] } = await store.unpushed({ now: now(), limit: 1 });
      const pushed = { ...end, position: unpushed ? unpushed.position - 1 : end.position };
      const keys = [revocationKeys.ready, ...(others ? [others.key] : [])];
      const [values] = await ask(redis, (pipeline) => pipeline.mget(...keys));
      const [ready, other] = requireValues(values, keys.length);
      const told = readRevocationPosition(ready);
      const isWhole = reachesPosition(told, pushed) && !(await isAhead(told, end)) &&
        !(await others?.isBehind(other));
      if (!isWhole) await repair(told, pushed);
    },
    async pushPending() {
      while (await pushNext());
    },
  };
}

function isSame(one: RevocationRow, other: RevocationRow): boolean {
  return one.level === other.level && one.id === other.id;
}

function requireValues(reply: unknown, length: number): readonly unknown[] {
  if (Array.isArray(reply) && reply.length === length) return reply;
  throw unavailable(new RedisUnavailable("Redis answered another number of values than keys"));
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

/** Redis was emptied or put back while it was filled: what was written before may be gone. */
function changedMeanwhile(): Problem {
  return unavailable(new RedisUnavailable("Redis has lost what this rebuild wrote"));
}

function unavailable(cause: RedisUnavailable): Problem {
  return new Problem("revocation_unavailable", { cause });
}
