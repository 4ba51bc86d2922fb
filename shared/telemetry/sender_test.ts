import assert from "node:assert/strict";
import { createLogger } from "../context/request_context.ts";
import { createSender, type SenderEffects } from "./exporter.ts";

type Outcome = Response | Error | "never";

function setup(outcomes: readonly Outcome[], effects: Partial<SenderEffects> = {}) {
  const requests: { url: string; init: RequestInit }[] = [];
  const waits: number[] = [];
  const lines: string[] = [];
  const time = { now: Date.UTC(2030, 0, 1) };
  const left = [...outcomes];
  const send = createSender({
    now: () => time.now,
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    log: createLogger({ service: "telemetry", sink: (line) => lines.push(line) }),
    fetch: (url, init) => {
      requests.push({ url, init });
      const outcome = left.shift() ?? new Response();
      if (outcome === "never") return untilAborted(init.signal);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    ...effects,
  });
  const target = {
    url: "https://collector.example/t0psecret/v1/traces?key=t0psecret",
    headers: { "api-key": "t0psecret", "content-type": "text/plain" },
  };
  return { post: () => send("traces", target, () => "{}"), requests, waits, lines, time };
}

function untilAborted(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) =>
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

const status = (code: number, headers: HeadersInit = {}) =>
  new Response(code === 204 ? null : "words", { status: code, headers });

Deno.test("a body is posted as JSON with the target's headers, and no redirect is followed", async () => {
  const { post, requests } = setup([status(200)]);
  assert.equal(await post(), true);
  const [{ url, init } = assert.fail()] = requests;
  assert.equal(url, "https://collector.example/t0psecret/v1/traces?key=t0psecret");
  assert.equal(init.method, "POST");
  assert.equal(init.body, "{}");
  assert.equal(init.redirect, "manual");
  assert.deepEqual(init.headers, { "api-key": "t0psecret", "content-type": "application/json" });
  assert.equal(requests.length, 1);
});

for (const code of [429, 502, 503, 504]) {
  Deno.test(`after ${code} a body is sent once more`, async () => {
    const { post, requests, waits } = setup([status(code), status(204)]);
    assert.equal(await post(), true);
    assert.equal(requests.length, 2);
    assert.deepEqual(waits, [1000]);
    const twice = setup([status(code), status(code), status(200)]);
    assert.equal(await twice.post(), false);
    assert.equal(twice.requests.length, 2);
  });
}

for (const outcome of [status(400), status(401), status(413), status(500), status(307)]) {
  Deno.test(`after ${outcome.status} a body is dropped`, async () => {
    const { post, requests, waits } = setup([outcome]);
    assert.equal(await post(), false);
    assert.deepEqual([requests.length, waits], [1, []]);
  });
}

const waited = {
  "0": [0],
  "3": [3000],
  "5": [5000],
  "6": [],
  "999999999999": [],
  "Tue, 01 Jan 2030 00:00:02 GMT": [2000],
  "Tue, 01 Jan 2030 01:00:00 GMT": [],
  "Mon, 31 Dec 2029 23:59:00 GMT": [0],
  "soon": [1000],
};
for (const [retryAfter, expected] of Object.entries(waited)) {
  Deno.test(`Retry-After ${retryAfter} ${expected.length ? "is waited for" : "is too long"}`, async () => {
    const { post, waits, requests } = setup([status(503, { "retry-after": retryAfter })]);
    assert.equal(await post(), expected.length > 0);
    assert.deepEqual(waits, expected);
    assert.equal(requests.length, 1 + expected.length);
  });
}

Deno.test("a request to a collector that does not respond in time is given up", async () => {
  const { post, lines } = setup(["never"], { timeoutMs: 1 });
  assert.equal(await post(), false);
  assert.equal(JSON.parse(lines[0] ?? "").reason, "TimeoutError");
});

Deno.test("a failure is logged without secrets, at most once a minute", async () => {
  const error = new TypeError("error sending request for https://x/?key=t0psecret");
  const { post, lines, time } = setup([error, status(401), error, error]);
  assert.deepEqual([await post(), await post()], [false, false]);
  assert.equal(lines.length, 1);
  time.now += 59_999;
  await post();
  assert.equal(lines.length, 1);
  time.now += 1;
  await post();
  assert.equal(lines.length, 2);
  assert(!lines.join().includes("t0psecret"));
  const { time: _, ...line } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(line, {
    level: "warn",
    service: "telemetry",
    message: "Telemetry was not exported",
    signal: "traces",
    collector: "collector.example",
    reason: "TypeError",
  });
});

Deno.test("a body that cannot be encoded is not sent", async () => {
  const requests: string[] = [];
  const send = createSender({
    now: () => 0,
    wait: () => Promise.resolve(),
    log: createLogger({ service: "telemetry", sink: () => {} }),
    fetch: (url) => {
      requests.push(url);
      return Promise.resolve(new Response());
    },
  });
  const encode = () => {
    throw new RangeError("too deep");
  };
  assert.equal(await send("logs", { url: "http://127.0.0.1:1/", headers: {} }, encode), false);
  assert.deepEqual(requests, []);
});
