import assert from "node:assert/strict";
import type { Endpoint } from "./redis_backends.ts";

type Send = (path: string, init?: RequestInit & { body?: BodyInit }) => Promise<ReceivedResponse>;
type Check = (send: Send, endpoint: Endpoint) => Promise<void>;

interface ReceivedResponse {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** The REST protocol itself; each check runs on an empty Redis. */
export const httpSuite: Readonly<Record<string, Check>> = {
  "a command may be in the path": async (send) => {
    assert.deepEqual((await send("/set/foo/a%2Fb%20%C3%A9/EX/100")).body, { result: "OK" });
    assert.deepEqual((await send("/GET/foo")).body, { result: "a/b é" });
    assert.deepEqual((await send("/get/none")).body, { result: null });
    assert.deepEqual((await send("/mget/foo/none/")).body, { result: ["a/b é", null] });
  },
  "a body is the last argument of a path command": async (send) => {
    await send("/set/foo?EX=100", { method: "POST", body: '{"a": 1}' });
    assert.deepEqual((await send("/get/foo", { method: "POST" })).body, { result: '{"a": 1}' });
    assert.deepEqual((await send("/ttl/foo")).body, { result: 100 });
    await send("/set/bytes", { method: "PUT", body: new Uint8Array([255, 0, 10]) });
    const { body } = await send("/get/bytes", { headers: { "upstash-encoding": "base64" } });
    assert.deepEqual(body, { result: "/wAK" });
  },
  "Base64 covers every string": async (send) => {
    const headers = { "upstash-encoding": "base64" };
    const post = (path: string, body: unknown) =>
      send(path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.deepEqual((await post("/", ["SET", "k", "v"])).body, { result: "T0s=" });
    assert.deepEqual((await post("/", ["MGET", "k", "x"])).body, { result: ["dg==", null] });
    const nested = await post("/pipeline", [["EVAL", "return {{'OK', 1}}", 0], ["NOPE"]]);
    const [first, second] = toItems(nested.body);
    assert.deepEqual(first, { result: [["T0s=", 1]] });
    assert.match(second?.error ?? "", /^ERR unknown command/);
  },
  "integers keep all their digits": async (send) => {
    const body = '["INCRBY", "n", 9007199254740993]';
    assert.equal((await send("/", { method: "POST", body })).status, 200);
    assert.deepEqual((await send("/get/n")).body, { result: "9007199254740993" });
  },
  "every response has a sync token": async (send) => {
    for (const path of ["/ping", "/nope", "/"]) {
      assert.ok((await send(path)).headers.get("upstash-sync-token"), path);
    }
  },
  "a failing command is 400": async (send) => {
    const { status, body } = await send("/incrby/n/x");
    assert.equal(status, 400);
    assert.deepEqual(body, { error: "ERR value is not an integer or out of range" });
  },
  "a discarded transaction is 400 and changes nothing": async (send) => {
    const transaction = JSON.stringify([["SET", "k", "v"], ["GET"]]);
    const { status, body } = await send("/multi-exec", { method: "POST", body: transaction });
    assert.equal(status, 400);
    const reason = "ERR wrong number of arguments for 'get' command";
    assert.deepEqual(body, { error: `EXECABORT Transaction discarded because of: ${reason}` });
    assert.deepEqual((await send("/exists/k")).body, { result: 0 });
  },
  "a failure inside a transaction is an item": async (send) => {
    const transaction = JSON.stringify([["SET", "k", "v"], ["INCR", "k"], ["GET", "k"]]);
    const { status, body } = await send("/multi-exec", { method: "POST", body: transaction });
    assert.equal(status, 200);
    assert.deepEqual(body, [
      { result: "OK" },
      { error: "ERR value is not an integer or out of range" },
      { result: "v" },
    ]);
  },
  "the token may be in the query": async (_send, { url, token }) => {
    const response = await fetch(`${url}/echo/hi?_token=${token}`);
    assert.deepEqual(await response.json(), { result: "hi" });
  },
  "a nested error is distinct from strings": async (send) => {
    const { body } = await send("/", {
      method: "POST",
      body: JSON.stringify(["EVAL", "return {1, {err = 'MY error'}}", "0"]),
    });
    assert.deepEqual(body, { result: [1, { error: "MY error" }] });
  },
};

/** Sends with the token and reads the response as JSON. */
export function createSend({ url, token }: Endpoint): Send {
  return async function send(path, { headers, ...init } = {}) {
    const all = new Headers(headers);
    all.set("authorization", `Bearer ${token}`);
    const response = await fetch(url + path, { ...init, headers: all });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
}

function toItems(body: unknown): { result?: unknown; error?: string }[] {
  assert.ok(Array.isArray(body));
  return body;
}
