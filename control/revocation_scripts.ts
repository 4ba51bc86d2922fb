import {
  formatRevocationPosition,
  type RedisPipeline,
  revocationKeys,
  type RevocationPosition,
} from "@edgepass/shared/redis";
import type { RevocationRow } from "./store/revocations.ts";

/** A rebuild with a longer pause between two steps has failed. */
const rebuildSeconds = 60;

/**
 * Scripts of the revocation list. Redis stores and replicates the writes of a script as one MULTI,
 * so that no crash, torn file or failover leaves a position without its entries.
 *
 * A value is only ever raised, and the TTL of its key never shortened.
 */
const library = `
local function keep(key, value, seconds)
  local present = tonumber(redis.call('GET', key) or '') or -1
  local left = redis.call('TTL', key)
  if tonumber(value) > present then
    if left == -1 then redis.call('SET', key, value)
    else redis.call('SET', key, value, 'EX', math.max(left, tonumber(seconds))) end
  elseif left ~= -1 and left < tonumber(seconds) then
    redis.call('EXPIRE', key, seconds)
  end
end
local function reached(key, identity)
  local ready = redis.call('GET', key) or ''
  local found, position = string.match(ready, '^([%w_-]+):(%d+)$')
  return ready, found == identity and tonumber(position) or -2
end`;

/**
 * Entries, and the position after the last of them: only if the list has all entries before the
 * first. A list that was restored to an older state has a gap that these entries do not fill.
 */
const advance = `${library}
for at = 2, #KEYS do keep(KEYS[at], ARGV[2 * at], ARGV[2 * at + 1]) end
local ready, position = reached(KEYS[1], ARGV[1])
if position < tonumber(ARGV[2]) or position >= tonumber(ARGV[3]) then return ready end
ready = ARGV[1] .. ':' .. ARGV[3]
redis.call('SET', KEYS[1], ready)
return ready`;

/** One step of a rebuild, refused when Redis no longer has the previous step. */
const rebuild = `${library}
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
for at = 2, #KEYS do keep(KEYS[at], ARGV[2 * at - 1], ARGV[2 * at]) end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ${rebuildSeconds})
return 1`;

/** The end of a rebuild; a higher position stays, since another instance advanced meanwhile. */
const declare = `${library}
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return '' end
for at = 3, #KEYS do
  if redis.call('EXISTS', KEYS[at]) == 0 then return '' end
end
local ready, position = reached(KEYS[1], ARGV[2])
if position >= tonumber(ARGV[3]) then return ready end
ready = ARGV[2] .. ':' .. ARGV[3]
redis.call('SET', KEYS[1], ready)
return ready`;

/**
 * Adds entries whose positions follow `after`; the reply is the new value of the completeness key.
 */
export function addEntries(
  pipeline: RedisPipeline,
  { rows, after, upTo, now }: {
    readonly rows: readonly RevocationRow[];
    readonly after: number;
    readonly upTo: RevocationPosition;
    readonly now: number;
  },
): void {
  const { identity, position } = upTo;
  pipeline.eval(advance, [revocationKeys.ready, ...rows.map(keyOf)], [
    identity,
    String(after),
    String(position),
    ...rows.flatMap((row) => valueOf(row, now)),
  ]);
}

/** Adds one step of a rebuild; the reply is 1, or 0 when the previous step is missing. */
export function addRebuildStep(
  pipeline: RedisPipeline,
  { id, step, rows, now }: {
    readonly id: string;
    readonly step: number;
    readonly rows: readonly RevocationRow[];
    readonly now: number;
  },
): void {
  pipeline.eval(rebuild, [revocationKeys.rebuild(id), ...rows.map(keyOf)], [
    toProgress(step),
    toProgress(step + 1),
    ...rows.flatMap((row) => valueOf(row, now)),
  ]);
}

/**
 * Declares the list complete up to a position. The reply is the new value of the completeness key,
 * and empty when a step of the rebuild or one of the other keys is missing.
 */
export function addDeclaration(
  pipeline: RedisPipeline,
  { id, steps, others, upTo }: {
    readonly id: string;
    readonly steps: number;
    readonly others: readonly string[];
    readonly upTo: RevocationPosition;
  },
): void {
  pipeline.eval(declare, [revocationKeys.ready, revocationKeys.rebuild(id), ...others], [
    toProgress(steps),
    upTo.identity,
    String(upTo.position),
  ]);
}

/** For a log line. */
export function describePosition(position: RevocationPosition | undefined): string {
  return position ? formatRevocationPosition(position) : "unknown";
}

function toProgress(steps: number): string {
  return steps === 0 ? "" : String(steps);
}

function keyOf({ level, id }: RevocationRow): string {
  return revocationKeys.of(level, id);
}

function valueOf({ level, value, expiresAt }: RevocationRow, now: number): [string, string] {
  const seconds = Math.max(1, Math.ceil((expiresAt - now) / 1000));
  return [level === "subject" ? String(value) : "1", String(seconds)];
}
