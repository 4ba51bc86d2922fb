import assert from "node:assert/strict";
import { createEmbeddedRedis } from "../embedded.ts";
import { createLuaRuntime } from "./lua.ts";

function run(code: string, ...args: string[]) {
  return createEmbeddedRedis().execute(["EVAL", code, "0", ...args]);
}

const closed = ["io", "os.execute", "os.getenv", "require", "dofile", "loadfile", "debug", "print"];
for (const name of closed) {
  Deno.test(`a script cannot reach ${name}`, async () => {
    const [first = "", second] = name.split(".");
    const path = second === undefined ? `rawget(_G, '${first}')` : `${first}.${second}`;
    assert.equal(await run(`return tostring(${path})`), "nil");
  });
}

Deno.test("scripts share no state", async () => {
  const redis = createEmbeddedRedis();
  const call = (code: string, ...rest: string[]) => redis.execute(["EVAL", code, ...rest]);
  await call("return KEYS[1]", "1", "secret");
  assert.equal(await call("return #KEYS", "0"), 0);
  const failed = await call("leak = 1", "0");
  assert.match(JSON.stringify(failed), /readonly table/);
  assert.equal(await call("return tostring(rawget(_G, 'leak'))", "0"), "nil");
});

Deno.test("a script's strings are bytes in both directions", async () => {
  const all = String.fromCharCode(...Array(256).keys());
  assert.equal(await run("return ARGV[1]", all), all);
  assert.equal(await run("return #ARGV[1]", all), 256);
  assert.equal(await run("return string.char(195, 169)"), "\xc3\xa9");
});

Deno.test("large values, and many of them, pass", async () => {
  const large = "x".repeat(3_000_000);
  assert.equal(await run("return #ARGV[1]", large), large.length);
  assert.equal(await run("return ARGV[1] .. ARGV[1]", large), large + large);
  const many = await run("local t = {} for i = 1, 50000 do t[i] = i end return t");
  assert.ok(Array.isArray(many) && many.length === 50_000);
});

Deno.test("a table that nests too deeply is an error and the next script runs", async () => {
  const redis = createEmbeddedRedis();
  const deep = "local t = {} for i = 1, 5000 do t = {t} end return t";
  assert.deepEqual(await redis.execute(["EVAL", deep, "0"]), {
    error: "ERR reached lua stack limit",
  });
  assert.equal(await redis.execute(["EVAL", "return 1", "0"]), 1);
});

Deno.test("a script that never ends is stopped", async () => {
  let now = 0;
  const lua = await createLuaRuntime({ elapsedMs: () => now += 100 });
  const call = () => null;
  const endless = { code: "while true do end", keys: [], args: [], call };
  const reply = lua.run(endless);
  assert.match(JSON.stringify(reply), /ran for more than 5 seconds/);
  assert.equal(lua.run({ ...endless, code: "return 1" }), 1);
});

Deno.test("a script that never ends cannot catch its end", async () => {
  let now = 0;
  const lua = await createLuaRuntime({ elapsedMs: () => now += 100 });
  const code = "while true do pcall(function() while true do end end) end";
  const reply = lua.run({ code, keys: [], args: [], call: () => null });
  assert.match(JSON.stringify(reply), /ran for more than 5 seconds/);
});

Deno.test("a script may use coroutines, and commands inside them", async () => {
  const code = `
    local steps = coroutine.wrap(function()
      for i = 1, 3 do coroutine.yield(redis.call('RPUSH', 'l', i)) end
    end)
    return {steps(), steps(), steps(), redis.call('LRANGE', 'l', 0, -1)}`;
  assert.deepEqual(await run(code), [1, 2, 3, ["1", "2", "3"]]);
});

Deno.test("a bug inside a command is thrown unchanged", async () => {
  const lua = await createLuaRuntime();
  const bug = new TypeError("a bug");
  const call = () => {
    throw bug;
  };
  const script = { code: "return pcall(redis.call, 'GET', 'k')", keys: [], args: [], call };
  assert.throws(() => lua.run(script), bug);
  assert.equal(lua.run({ ...script, code: "return 1" }), 1);
});
