import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import type { Endpoint } from "./redis_backends.ts";

type Check = (redis: Redis, endpoint: Endpoint) => Promise<void>;

/** The official client as Edgepass configures it: raw values, one request per call. */
export function createClient({ url, token }: { url: string; token: string }): Redis {
  return new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    retry: { retries: 0 },
  });
}

/** What the official client must receive from every backend; each check runs on an empty Redis. */
export const clientSuite: Readonly<Record<string, Check>> = {
  "a value is returned unchanged": async (redis) => {
    assert.equal(await redis.get("k"), null);
    assert.equal(await redis.set("k", "héllo ☃"), "OK");
    assert.equal(await redis.get("k"), "héllo ☃");
    assert.equal(await redis.strlen("k"), 10);
    await redis.set("k", "OK");
    assert.equal(await redis.get("k"), "OK");
  },
  "options in lower case work": async (redis) => {
    assert.equal(await redis.set("k", "1", { nx: true, ex: 100 }), "OK");
    assert.equal(await redis.set("k", "2", { nx: true }), null);
    assert.equal(await redis.set("k", "3", { xx: true, keepTtl: true, get: true }), "1");
    assert.ok(await redis.ttl("k") > 90);
    assert.equal(await redis.zadd("z", { nx: true }, { score: 1, member: "a" }), 1);
    assert.equal(await redis.zadd("z", { gt: true, ch: true }, { score: 5, member: "a" }), 1);
    assert.deepEqual(await redis.zrange("z", 1, 9, { byScore: true, withScores: true }), [
      "a",
      "5",
    ]);
  },
  "digits stay strings unless the client is set to parse": async (redis, { url, token }) => {
    await redis.set("k", "123");
    assert.equal(await redis.get("k"), "123");
    assert.equal(await new Redis({ url, token, enableTelemetry: false }).get("k"), 123);
  },
  "numbers and booleans are sent as strings": async (redis) => {
    await redis.mset({ n: 1.5, yes: true });
    assert.deepEqual(await redis.mget("n", "yes"), ["1.5", "true"]);
    assert.equal(await redis.incrby("count", 41), 41);
    assert.equal(await redis.incr("count"), 42);
  },
  "OK inside arrays survives Base64": async (redis) => {
    await redis.rpush("l", "OK", "é");
    assert.deepEqual(await redis.lrange("l", 0, -1), ["OK", "é"]);
    assert.deepEqual(await redis.mget("none", "l"), [null, null]);
    const nested = "return {'OK', {'OK', {redis.status_reply('OK'), false, 7}}}";
    assert.deepEqual(await redis.eval(nested, [], []), ["OK", ["OK", ["OK", null, 7]]]);
    assert.deepEqual(await redis.multi().set("a", "1").lrange("l", 0, 0).exec(), ["OK", ["OK"]]);
  },
  "a pipeline returns a result per item": async (redis) => {
    const items = await redis.pipeline().set("a", "1").lpush("a", "x").incr("a").exec({
      keepErrors: true,
    });
    assert.deepEqual(items.map(({ result }) => result ?? null), ["OK", null, 2]);
    assert.match(items[1]?.error ?? "", /^WRONGTYPE /);
  },
  "a transaction is atomic, and an invalid command discards it": async (redis) => {
    assert.deepEqual(await redis.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
    const wrong = redis.multi().set("a", "9");
    Reflect.apply(wrong.get, wrong, []);
    await assert.rejects(wrong.exec(), /EXECABORT/);
    assert.equal(await redis.get("a"), "2");
  },
  "concurrent transactions do not mix": async (redis) => {
    const step = () => redis.multi().incr("n").incr("n").get("n").exec();
    const all = await Promise.all(Array.from({ length: 20 }, step));
    for (const [first, second, third] of all) {
      assert.equal(second, Number(first) + 1);
      assert.equal(third, String(second));
    }
    assert.equal(await redis.get("n"), "40");
  },
  "hashes are returned as objects only where the client parses": async (redis, { url, token }) => {
    await redis.hset("h", { a: "x", b: "y" });
    assert.deepEqual(await redis.hgetall("h"), ["a", "x", "b", "y"]);
    const parsing = new Redis({ url, token, enableTelemetry: false });
    assert.deepEqual(await parsing.hgetall("h"), { a: "x", b: "y" });
    assert.deepEqual(await parsing.hmget("h", "a", "none"), { a: "x", none: null });
  },
  "sets, sorted sets and lists": async (redis) => {
    await redis.sadd("s", "x", "y");
    assert.deepEqual((await redis.smembers("s")).sort(), ["x", "y"]);
    await redis.zadd("z", { score: 1, member: "a" }, { score: 2.5, member: "b" });
    assert.deepEqual(await redis.zrange("z", 0, -1, { withScores: true }), ["a", "1", "b", "2.5"]);
    assert.equal(await redis.zremrangebyscore("z", "-inf", "(2"), 1);
    await redis.rpush("l", "1", "2", "3");
    assert.equal(await redis.lpop("l"), "1");
  },
  "a scan returns every key that exists throughout": async (redis) => {
    const names = Array.from({ length: 250 }, (_name, index) => `k${index}`);
    await redis.mset(Object.fromEntries(names.map((name) => [name, "v"])));
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const [next, found] = await redis.scan(cursor, { match: "k*", count: 20 });
      for (const name of found) seen.add(name);
      cursor = next;
      await redis.set(`new${cursor}`, "v");
      await redis.del(`new${cursor}`);
    } while (cursor !== "0");
    assert.deepEqual([...seen].sort(), names.sort());
  },
  "scripts run by source and by hash": async (redis) => {
    const script = redis.createScript<string[]>("return {KEYS[1], ARGV[1]}");
    assert.deepEqual(await script.exec(["k"], ["v"]), ["k", "v"]);
    assert.deepEqual(await script.exec(["k"], ["w"]), ["k", "w"]);
    const sha = await redis.scriptLoad("return 7");
    assert.deepEqual(await redis.scriptExists(sha, "0".repeat(40)), [1, 0]);
    assert.equal(await redis.evalsha(sha, [], []), 7);
    await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
  },
  "scripts may begin with Upstash's own flag": async (redis) => {
    const code = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])";
    assert.equal(await redis.eval(code, ["n"], []), 1);
    const sha = await redis.scriptLoad(code);
    assert.equal(await redis.evalsha(sha, ["n"], []), 2);
    assert.deepEqual(await redis.scriptExists(sha), [1]);
    assert.deepEqual(await redis.multi().eval(code, ["n"], []).exec(), [3]);
  },
  "a script in a pipeline runs in order": async (redis) => {
    const results = await redis.pipeline().set("k", "1").eval(
      "return redis.call('GET', 'k')",
      [],
      [],
    )
      .set("k", "2").get("k").exec();
    assert.deepEqual(results, ["OK", "1", "OK", "2"]);
  },
  "a failing command rejects with its error": async (redis) => {
    await redis.set("k", "abc");
    await assert.rejects(redis.incr("k"), /value is not an integer or out of range/);
    await assert.rejects(redis.exec(["FOO"]), /ERR unknown command 'FOO'/);
  },
  "connection commands are refused": async (redis) => {
    for (const command of ["BLPOP", "subscribe", "MULTI", "Select", "MONITOR", "SHUTDOWN"]) {
      await assert.rejects(redis.exec([command, "k", "0"]), /not available over REST/);
    }
    await assert.rejects(redis.exec(["XREAD", "block", "0", "STREAMS", "s", "$"]), /over REST/);
    assert.equal(await redis.ping(), "PONG");
  },
  "subscribers receive published messages": async (redis) => {
    const subscriber = redis.subscribe<string>("news");
    const byPattern = redis.psubscribe<string>("n*");
    const ready = [once(subscriber, "subscribe"), once(byPattern, "psubscribe")];
    assert.deepEqual(await Promise.all(ready), [1, 1]);
    const received = [once(subscriber, "message"), once(byPattern, "pmessage")];
    assert.equal(await redis.publish("news", "a,b é"), 2);
    const message = { channel: "news", message: "a,b é" };
    assert.deepEqual(await Promise.all(received), [message, { pattern: "n*", ...message }]);
    await Promise.all([subscriber.unsubscribe(), byPattern.unsubscribe()]);
  },
  "an abort by a signal function rejects and never reads as null": async (_redis, endpoint) => {
    const aborted = new Redis({
      ...endpoint,
      retry: { retries: 0 },
      signal: () => AbortSignal.abort(),
    });
    await assert.rejects(aborted.get("k"), { name: "AbortError" });
  },
};

function once(
  subscriber: ReturnType<Redis["subscribe"]>,
  event: "subscribe" | "psubscribe" | "message" | "pmessage",
): Promise<unknown> {
  return new Promise((resolve) => Reflect.apply(subscriber.on, subscriber, [event, resolve]));
}
