import assert from "node:assert/strict";
import { type RedisBackend, RedisUnavailable } from "./protocol.ts";
import { createRedisRest } from "./rest.ts";

const token = "correct-horse";

function setup(overrides: Partial<RedisBackend> = {}, options: { maxBodyBytes?: number } = {}) {
  const executed: string[][] = [];
  const causes: unknown[] = [];
  const backend: RedisBackend = {
    execute: (command) => {
      executed.push([...command]);
      return Promise.resolve("fine");
    },
    multi: (commands) => {
      executed.push(...commands.map((command) => [...command]));
      return Promise.resolve(commands.map(() => 1));
    },
    subscribe: () => Promise.resolve(() => Promise.resolve()),
    close: () => Promise.resolve(),
    ...overrides,
  };
  const onError = (cause: unknown) => void causes.push(cause);
  const rest = createRedisRest({ backend, token, onError, ...options });
  async function send(path: string, init: RequestInit = {}) {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    const response = await rest(new Request(`http://redis.test${path}`, { ...init, headers }));
    const text = await response.text();
    return { status: response.status, body: text && JSON.parse(text) };
  }
  const post = (path: string, body: string) => send(path, { method: "POST", body });
  return { rest, send, post, executed, causes };
}

const unauthorized = {
  "no token": {},
  "another token": { authorization: "Bearer wrong" },
  "the token's beginning": { authorization: `Bearer ${token.slice(0, -1)}` },
  "the token and more": { authorization: `Bearer ${token}x` },
  "an empty bearer": { authorization: "Bearer " },
  "another scheme": { authorization: `Basic ${token}` },
} as const;
for (const [what, headers] of Object.entries(unauthorized)) {
  Deno.test(`the endpoint refuses ${what}`, async () => {
    const { rest, executed } = setup();
    const response = await rest(new Request("http://redis.test/get/k", { headers }));
    assert.equal(response.status, 401);
    assert.deepEqual(await response.json(), { error: "Unauthorized" });
    assert.ok(response.headers.get("upstash-sync-token"));
    assert.deepEqual(executed, []);
  });
}

Deno.test("the endpoint refuses a wrong token in the query", async () => {
  const { rest, executed } = setup();
  const response = await rest(new Request(`http://redis.test/get/k?_token=${token}x`));
  assert.equal(response.status, 401);
  await response.body?.cancel();
  assert.deepEqual(executed, []);
});

Deno.test("the endpoint refuses an empty token of its own", () => {
  const backend: RedisBackend = {
    execute: () => Promise.resolve(null),
    multi: () => Promise.resolve([]),
    subscribe: () => Promise.resolve(() => Promise.resolve()),
    close: () => Promise.resolve(),
  };
  assert.throws(() => createRedisRest({ backend, token: "" }), RangeError);
});

const malformed = {
  "text that is not JSON": ["/", "SET k v"],
  "an empty body": ["/", ""],
  "JSON that stops early": ["/", '["GET", "k"'],
  "bytes that are not UTF-8": ["/", new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d])],
  "an object": ["/", '{"command": "GET"}'],
  "an empty command": ["/", "[]"],
  "null as argument": ["/", '["GET", null]'],
  "an array as argument": ["/", '["GET", ["k"]]'],
  "an object as argument": ["/", '["GET", {"a": 1}]'],
  "a pipeline of words": ["/pipeline", '["GET", "k"]'],
  "an empty pipeline": ["/pipeline", "[]"],
  "a pipeline with an empty command": ["/pipeline", '[["GET", "k"], []]'],
  "a transaction that is not an array": ["/multi-exec", '"GET"'],
  "an empty transaction": ["/multi-exec", "[]"],
  "a path that is not UTF-8": ["/get/%ff", ""],
  "a path with a broken escape": ["/get/%zz", ""],
  "a subscription to nothing": ["/subscribe", ""],
} as const;
for (const [what, [path, body]] of Object.entries(malformed)) {
  Deno.test(`the endpoint responds 400 to ${what}`, async () => {
    const { send, executed, causes } = setup();
    const { status, body: received } = await send(path, { method: "POST", body });
    assert.equal(status, 400);
    assert.match(received.error, /^ERR /);
    assert.deepEqual([executed, causes], [[], []]);
  });
}

Deno.test("the endpoint responds 405 to an unsupported method", async () => {
  const { send, executed } = setup();
  assert.equal((await send("/get/k", { method: "DELETE" })).status, 405);
  assert.deepEqual(executed, []);
});

Deno.test("a body over the limit is 413, declared or not", async () => {
  const { send, post, executed } = setup({}, { maxBodyBytes: 20 });
  const long = '["SET","key","a longer value"]';
  assert.equal((await post("/", long)).status, 413);
  const headers = { "content-length": String(long.length) };
  assert.equal((await send("/", { method: "POST", body: long, headers })).status, 413);
  const chunks = ReadableStream.from([new Uint8Array(15), new Uint8Array(15)]);
  assert.equal((await send("/", { method: "POST", body: chunks })).status, 413);
  assert.deepEqual(executed, []);
  assert.equal((await post("/", '["SET","key","value"]'.slice(0, 18) + '"]')).status, 200);
});

Deno.test("numbers and booleans become the text they were sent as", async () => {
  const { post, executed } = setup();
  await post("/", '["SET", "k", 1.50, 9007199254740993, -0, 1e3, true, false]');
  assert.deepEqual(executed, [
    ["SET", "k", "1.50", "9007199254740993", "-0", "1e3", "true", "false"],
  ]);
});

Deno.test("text reaches the backend as UTF-8 bytes", async () => {
  const { post, executed } = setup();
  await post("/", '["SET", "é"]');
  await post("/set/%C3%A9", "é");
  assert.deepEqual(executed, [["SET", "\xc3\xa9"], ["set", "\xc3\xa9", "\xc3\xa9"]]);
});

Deno.test("an unreachable Redis is 503 and its cause is only for the log", async () => {
  const cause = new RedisUnavailable("the Redis at REDIS_URL cannot be reached", {
    cause: new Error("connect redis://:hunter2@10.0.0.1"),
  });
  const { send, causes } = setup({ execute: () => Promise.reject(cause) });
  const { status, body } = await send("/get/k");
  assert.equal(status, 503);
  assert.deepEqual(body, { error: "ERR the Redis at REDIS_URL cannot be reached" });
  assert.deepEqual(causes, [cause]);
});

Deno.test("a bug in the backend is 500 without details", async () => {
  const cause = new TypeError("secret");
  const { post, causes } = setup({ multi: () => Promise.reject(cause) });
  const { status, body } = await post("/multi-exec", '[["GET","k"]]');
  assert.equal(status, 500);
  assert.deepEqual(body, { error: "ERR internal error" });
  assert.deepEqual(causes, [cause]);
});

Deno.test("a subscription ends at the backend when the client disconnects", async () => {
  const ended: string[] = [];
  const { rest } = setup({
    subscribe: ({ channel }) => Promise.resolve(() => Promise.resolve(void ended.push(channel))),
  });
  const request = new Request("http://redis.test/subscribe/a/b", {
    headers: { authorization: `Bearer ${token}` },
  });
  const response = await rest(request);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  await response.body?.cancel();
  assert.deepEqual(ended, ["a", "b"]);
});

Deno.test("a subscription's events have the client's format", async () => {
  const { rest } = setup({
    subscribe: ({ onMessage, onEnd }) => {
      setTimeout(() => {
        onMessage({ channel: "c", payload: "one\ntwo" });
        onMessage({ channel: "c", payload: "x", pattern: "c*" });
        onEnd();
      });
      return Promise.resolve(() => Promise.resolve());
    },
  });
  const request = new Request(`http://redis.test/subscribe/c?_token=${token}`);
  const events = (await (await rest(request)).text()).split("\n\n").sort();
  assert.deepEqual(events, [
    "",
    "data: message,c,one\ndata: two",
    "data: pmessage,c*,c,x",
    "data: subscribe,c,1",
  ]);
});
