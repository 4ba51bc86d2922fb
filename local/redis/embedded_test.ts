import assert from "node:assert/strict";
import { join } from "node:path";
import { openAppendOnlyFile } from "./append_only_file.ts";
import { createEmbeddedRedis } from "./embedded.ts";

const start = Date.UTC(2030, 0, 1);

function setup(random?: () => number) {
  const dir = Deno.makeTempDirSync({ prefix: "redis-" });
  const path = join(dir, "redis.aof");
  let now = start;
  const open = () => {
    const persistence = openAppendOnlyFile(path);
    const redis = createEmbeddedRedis({ now: () => now, persistence, ...random && { random } });
    const run = (line: string) => redis.execute(line.split(" "));
    return { redis, run, [Symbol.asyncDispose]: () => redis.close() };
  };
  return {
    path,
    open,
    pass: (ms: number) => void (now += ms),
    lines: () => Deno.readTextFileSync(path).split("\n").slice(0, -1),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

Deno.test("an unknown command fails and names REDIS_URL", async () => {
  const redis = createEmbeddedRedis();
  const error = "ERR unknown command 'bitcount': the embedded engine does not have it, " +
    "set REDIS_URL to use a real Redis";
  assert.deepEqual(await redis.execute(["bitcount", "k"]), { error });
  assert.deepEqual(await redis.execute(["constructor"]), {
    error: error.replace("bitcount", "constructor"),
  });
  assert.deepEqual(await redis.multi([["SET", "k", "v"], ["bitcount", "k"]]), {
    error: `EXECABORT Transaction discarded because of: ${error}`,
  });
  assert.equal(await redis.execute(["EXISTS", "k"]), 0);
});

Deno.test("a key is gone at the millisecond of its expiry", async () => {
  using files = setup();
  await using engine = files.open();
  await engine.run("SET k v PX 1000");
  files.pass(999);
  assert.equal(await engine.run("GET k"), "v");
  assert.equal(await engine.run("PTTL k"), 1);
  files.pass(1);
  assert.equal(await engine.run("GET k"), null);
  assert.equal(await engine.run("PTTL k"), -2);
});

Deno.test("expired keys that are never read are removed by writes", async () => {
  using files = setup();
  await using engine = files.open();
  for (let index = 0; index < 50; index++) await engine.run(`SET old${index} v PX 10`);
  files.pass(10);
  for (let index = 0; index < 20; index++) await engine.run("SET new v");
  const deleted = files.lines().filter((line) => line.includes('["DEL","old'));
  assert.ok(deleted.length > 0);
  assert.equal(deleted.join().match(/"DEL"/g)?.length, 50);
});

Deno.test("all data survives a restart, and expiries keep their time", async () => {
  using files = setup();
  {
    await using engine = files.open();
    await engine.run("SET s v");
    await engine.run("SETEX t 100 v");
    await engine.run("HSET h a 1 b \xff\x00");
    await engine.run("ZADD z 1.5 a -inf b");
    await engine.run("RPUSH l 1 2 3");
    await engine.run("SADD m x y");
    await engine.run("EXPIRE m 50");
  }
  files.pass(60_000);
  await using engine = files.open();
  assert.equal(await engine.run("GET s"), "v");
  assert.equal(await engine.run("TTL t"), 40);
  assert.deepEqual(await engine.run("HGETALL h"), ["a", "1", "b", "\xff\x00"]);
  assert.deepEqual(await engine.run("ZRANGE z 0 -1 WITHSCORES"), ["b", "-inf", "a", "1.5"]);
  assert.deepEqual(await engine.run("LRANGE l 0 -1"), ["1", "2", "3"]);
  assert.equal(await engine.run("EXISTS m"), 0);
});

Deno.test("a key that expired and was created again does not inherit the old expiry", async () => {
  using files = setup();
  {
    await using engine = files.open();
    await engine.run("SET n 5 PX 1000");
    files.pass(1000);
    assert.equal(await engine.run("INCR n"), 1);
  }
  await using engine = files.open();
  assert.equal(await engine.run("GET n"), "1");
  assert.equal(await engine.run("TTL n"), -1);
});

Deno.test("random results are logged: a replay draws the same members", async () => {
  const draws = [0.9, 0.1, 0.5, 0.3];
  using files = setup(() => draws.shift() ?? 0);
  let left;
  {
    await using engine = files.open();
    await engine.run("SADD s a b c d e f");
    await engine.run("SPOP s 2");
    await engine.run("SPOP s");
    left = await engine.run("SMEMBERS s");
  }
  await using engine = files.open();
  assert.deepEqual(await engine.run("SMEMBERS s"), left);
});

Deno.test("a transaction and a script are one line each, the script by its effects", async () => {
  using files = setup();
  await using engine = files.open();
  await engine.redis.multi([["SET", "a", "1"], ["INCR", "a"], ["GET", "a"]]);
  const script = "redis.call('SET', 'b', 1, 'PX', 50) return redis.call('INCR', 'b')";
  assert.equal(await engine.redis.execute(["EVAL", script, "0"]), 2);
  assert.deepEqual(files.lines().map((line) => JSON.parse(line)), [
    [["SET", "a", "1"], ["INCR", "a"]],
    [["SET", "b", "1", "PXAT", String(start + 50)], ["INCR", "b"]],
  ]);
});

Deno.test("a script that fails half way keeps its writes, as in Redis", async () => {
  using files = setup();
  const script = "redis.call('SET', 'a', 1) error('stop')";
  {
    await using engine = files.open();
    await engine.redis.execute(["EVAL", script, "0"]);
  }
  await using engine = files.open();
  assert.equal(await engine.run("GET a"), "1");
});

Deno.test("reads and refused writes do not change the file", async () => {
  using files = setup();
  await using engine = files.open();
  await engine.run("SET k v");
  const before = files.lines();
  for (
    const line of [
      "GET k",
      "INCR k",
      "SET k w NX",
      "SET",
      "EXPIRE none 5",
      "LPUSH k x",
      "SPOP none",
      "GETEX k",
    ]
  ) {
    await engine.run(line);
  }
  assert.deepEqual(files.lines(), before);
});

Deno.test("the file is compacted at start", async () => {
  using files = setup();
  {
    await using engine = files.open();
    for (let index = 0; index < 100; index++) await engine.run("INCR n");
    await engine.run("SET gone v");
    await engine.run("DEL gone");
  }
  assert.equal(files.lines().length, 102);
  await using engine = files.open();
  assert.deepEqual(files.lines(), ['[["SET","n","100"]]']);
  assert.equal(await engine.run("INCR n"), 101);
});

Deno.test("a file that cannot be written fails the command with MISCONF", async () => {
  const redis = createEmbeddedRedis({
    persistence: {
      read: () => [],
      isTorn: () => false,
      replace() {},
      append() {
        throw new Error("No space left on device");
      },
      close() {},
    },
  });
  const error = "MISCONF Cannot write the append-only file: the change is in memory alone";
  assert.deepEqual(await redis.execute(["SET", "k", "v"]), { error });
  assert.deepEqual(await redis.multi([["SET", "k", "v"]]), { error });
});

Deno.test("commands behind the first script keep their order while Lua loads", async () => {
  const redis = createEmbeddedRedis();
  const replies = await Promise.all([
    redis.execute(["SET", "k", "1"]),
    redis.execute(["EVAL", "return redis.call('GET', 'k')", "0"]),
    redis.execute(["SET", "k", "2"]),
    redis.execute(["EVAL", "return redis.call('GET', 'k')", "0"]),
    redis.execute(["GET", "k"]),
  ]);
  assert.deepEqual(replies.slice(1), ["1", { status: "OK" }, "2", "2"]);
});

Deno.test("cut anywhere, the file never has a witness without the keys that it covers", async () => {
  using files = setup();
  const open = () => {
    const persistence = openAppendOnlyFile(files.path);
    return createEmbeddedRedis({ persistence, witnesses: ["complete"] });
  };
  const first = open();
  await first.execute(["SET", "complete", "0"]);
  for (const at of ["1", "2", "3"]) {
    await first.multi([["SET", `entry${at}`, "1"], ["SET", "complete", at]]);
  }
  await first.close();
  for (const compacts of [false, true]) {
    // Opened once, the file is a snapshot, in which each key is a group of its own.
    if (compacts) await open().close();
    const fileBytes = Deno.readFileSync(files.path);
    for (let length = fileBytes.length; length >= 0; length--) {
      Deno.writeFileSync(files.path, fileBytes.slice(0, length));
      const cut = open();
      const complete = await cut.execute(["GET", "complete"]);
      const entries = await cut.execute(["EXISTS", "entry1", "entry2", "entry3"]);
      await cut.close();
      const isComplete = length === 0 || fileBytes[length - 1] === 10;
      if (!isComplete) assert.equal(complete, null, `torn at ${length}`);
      if (complete !== null) assert.equal(Number(complete), entries, `cut at ${length}`);
    }
    Deno.writeFileSync(files.path, fileBytes);
  }
});

Deno.test("a script that may only read changes nothing", async () => {
  const redis = createEmbeddedRedis();
  await redis.execute(["SET", "k", "before"]);
  const script = "return redis.call('SET', KEYS[1], 'after')";
  const reply = await redis.execute(["EVAL_RO", script, "1", "k"]);
  assert.match(JSON.stringify(reply), /Write commands are not allowed from read-only scripts/);
  assert.equal(await redis.execute(["GET", "k"]), "before");
  await redis.close();
});
