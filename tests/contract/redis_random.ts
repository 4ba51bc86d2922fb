import fc from "fast-check";

type Words = readonly string[];

const key = fc.constantFrom("a", "b", "c");
const member = fc.constantFrom("w", "y", "z", "é", "10", "");
const value = fc.oneof(member, fc.integer({ min: -20, max: 20 }).map(String), fc.constant("1.5"));
const small = fc.integer({ min: -4, max: 4 }).map(String);
const score = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map(String),
  fc.constantFrom("0.5", "2.25", "inf", "-inf"),
);
const scoreBound = fc.oneof(score, score.map((text) => `(${text}`));
const lexBound = fc.oneof(
  fc.constantFrom("-", "+"),
  fc.tuple(fc.constantFrom("[", "("), member).map((parts) => parts.join("")),
);
const side = fc.constantFrom("LEFT", "RIGHT");
/** Years ahead, so that both backends agree whatever their clocks show. */
const moment = fc.constantFrom("4102444800", "4102444801", "4102448400");

/** A command built from these words; a plain string stands for itself. */
function command(...parts: (string | fc.Arbitrary<string | Words>)[]): fc.Arbitrary<Words> {
  const words = parts.map((part) => typeof part === "string" ? fc.constant(part) : part);
  return fc.tuple(...words).map((chosen) => chosen.flat());
}

function some(item: fc.Arbitrary<string | Words>, maxLength = 3): fc.Arbitrary<Words> {
  return fc.array(item, { minLength: 1, maxLength }).map((items) => items.flat());
}

function maybe(...words: string[]): fc.Arbitrary<Words> {
  return fc.subarray(words).map((chosen) => [...chosen]);
}

const pair = fc.tuple(member, value).map((words) => [...words]);
const scored = fc.tuple(score, member).map((words) => [...words]);
const limit = fc.oneof(fc.constant([]), fc.tuple(small, small).map((words) => ["LIMIT", ...words]));
const expiry = fc.oneof(
  fc.constant([]),
  fc.constant(["KEEPTTL"]),
  moment.map((text) => ["EXAT", text]),
);

const families = {
  strings: [
    command("SET", key, value, expiry, maybe("NX", "XX", "get")),
    command("GET", key),
    command("GETSET", key, value),
    command("GETDEL", key),
    command("GETEX", key, fc.oneof(fc.constant([]), moment.map((text) => ["EXAT", text]))),
    command("APPEND", key, value),
    command("GETRANGE", key, small, small),
    command("SETRANGE", key, small, value),
    command("STRLEN", key),
    command("MSET", some(fc.tuple(key, value).map((words) => [...words]))),
    command("MSETNX", some(fc.tuple(key, value).map((words) => [...words]))),
    command("MGET", some(key)),
  ],
  counters: [
    command(fc.constantFrom("INCR", "DECR"), key),
    command(fc.constantFrom("INCRBY", "DECRBY"), key, value),
    command("INCRBYFLOAT", key, fc.constantFrom("0.1", "-0.3", "1e3", "7", "0.007")),
  ],
  hashes: [
    command("HSET", key, some(pair)),
    command("HSETNX", key, pair),
    command(fc.constantFrom("HGET", "HEXISTS", "HSTRLEN"), key, member),
    command(fc.constantFrom("HDEL", "HMGET"), key, some(member)),
    command(fc.constantFrom("HGETALL", "HKEYS", "HVALS", "HLEN"), key),
    command("HINCRBY", key, member, value),
    command("HINCRBYFLOAT", key, member, fc.constantFrom("0.1", "-2.5", "3")),
  ],
  sets: [
    command(fc.constantFrom("SADD", "SREM", "SMISMEMBER"), key, some(member)),
    command(fc.constantFrom("SMEMBERS", "SCARD"), key),
    command(fc.constantFrom("SINTER", "SUNION", "SDIFF"), some(key)),
    command(fc.constantFrom("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), key, some(key)),
    command("SMOVE", key, key, member),
    command("SPOP", key, "100"),
  ],
  sortedSets: [
    command("ZADD", key, maybe("NX", "XX", "GT", "LT", "CH", "INCR"), some(scored)),
    command("ZINCRBY", key, score, member),
    command(fc.constantFrom("ZREM", "ZMSCORE"), key, some(member)),
    command("ZRANGE", key, small, small, maybe("REV", "WITHSCORES")),
    command("ZRANGE", key, scoreBound, scoreBound, "BYSCORE", maybe("REV", "WITHSCORES"), limit),
    command("ZRANGEBYLEX", key, lexBound, lexBound, limit),
    command(fc.constantFrom("ZCOUNT", "ZREMRANGEBYSCORE"), key, scoreBound, scoreBound),
    command(fc.constantFrom("ZRANK", "ZREVRANK", "ZSCORE"), key, member),
    command(fc.constantFrom("ZPOPMIN", "ZPOPMAX"), key, fc.oneof(fc.constant([]), small)),
    command("ZREMRANGEBYRANK", key, small, small),
    command("ZRANGESTORE", key, key, small, small),
    command(fc.constantFrom("ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"), key, "2", key, key),
  ],
  lists: [
    command(fc.constantFrom("LPUSH", "RPUSH", "LPUSHX", "RPUSHX"), key, some(value)),
    command(fc.constantFrom("LPOP", "RPOP"), key, fc.oneof(fc.constant([]), small)),
    command(fc.constantFrom("LRANGE", "LTRIM"), key, small, small),
    command("LINDEX", key, small),
    command("LSET", key, small, value),
    command("LINSERT", key, fc.constantFrom("BEFORE", "AFTER"), value, value),
    command("LREM", key, small, value),
    command("LMOVE", key, key, side, side),
    command("LPOS", key, value, fc.oneof(fc.constant([]), small.map((text) => ["RANK", text]))),
  ],
  keys: [
    command(fc.constantFrom("DEL", "EXISTS"), some(key)),
    command(fc.constantFrom("TYPE", "PERSIST", "EXPIRETIME"), key),
    command("EXPIREAT", key, moment, maybe("NX", "XX", "GT", "LT")),
    command(fc.constantFrom("RENAME", "RENAMENX", "COPY"), key, key),
    command("COPY", key, key, "REPLACE"),
    command("KEYS", fc.constantFrom("*", "[ab]", "?")),
  ],
} as const;

/**
 * Commands of every data type on few keys, so that types conflict, collections empty and keys
 * expire.
 */
export const randomCommands: fc.Arbitrary<Words[]> = fc.array(
  fc.oneof(...Object.values(families).map((family) => fc.oneof(...family))),
  { minLength: 20, maxLength: 80 },
);

/** Commands that read the whole state of the few keys. */
export const wholeState: readonly (readonly string[])[] = ["a", "b", "c"].flatMap((name) => [
  ["TYPE", name],
  ["PEXPIRETIME", name],
  ["GET", name],
  ["HGETALL", name],
  ["SMEMBERS", name],
  ["ZRANGE", name, "0", "-1", "WITHSCORES"],
  ["LRANGE", name, "0", "-1"],
]);
