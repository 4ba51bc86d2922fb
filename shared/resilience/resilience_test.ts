import assert from "node:assert/strict";
import { internalHeaders } from "../context/request_context.ts";
import { Problem } from "../problem.ts";
import { defaultPolicy, type PolicyPatch, toPolicy } from "./policy.ts";
import { type Attempt, type Call, createResilience } from "./resilience.ts";
import { createTestClock } from "../../tests/support/test_clock.ts";

type Respond = (attempt: Attempt) => Response | Promise<Response>;

/** A dependency that does what a test defines, and a caller whose time stands still. */
function setup(
  patch: PolicyPatch = {},
  { savings = 100, longestTimeoutMs }: { savings?: number; longestTimeoutMs?: number } = {},
) {
  const clock = createTestClock();
  const policy = toPolicy(patch);
  const attempts: number[] = [];
  const waits: number[] = [];
  const resilience = createResilience({
    name: "course",
    policy: () => policy,
    now: clock.now,
    epochNow: () => 0,
    ...(longestTimeoutMs === undefined ? {} : { longestTimeoutMs: () => longestTimeoutMs }),
    random: () => 0.5,
    sleep(ms, signal) {
      waits.push(ms);
      return clock.sleep(ms, signal);
    },
  });
  const call = (respond: Respond, more: Partial<Call> = {}) =>
    resilience.run({ signal: new AbortController().signal, ...more }, async (attempt) => {
      attempts.push(attempt.number);
      return await respond(attempt);
    });
  const save = async () => {
    for (let at = 0; at < savings; at++) await call(() => new Response(null, { status: 204 }));
    clock.advance(policy.breaker.windowMs);
    attempts.length = 0;
  };
  const breakDown = async () => {
    const { minimumCalls } = policy.breaker;
    for (let at = 0; at < minimumCalls; at++) await call(status(503), { method: "POST" });
    attempts.length = 0;
  };
  return { attempts, breakDown, call, clock, save, waits };
}

const status = (code: number, headers = {}): Respond => () =>
  new Response("body", { status: code, headers });
const unreachable: Respond = () => Promise.reject(new TypeError("connection refused"));
const heedless: Respond = () => new Promise(() => {});
const obedient: Respond = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

const comesAgain: Record<string, [Respond, Partial<Call>, boolean]> = {
  "GET without a response": [unreachable, {}, true],
  "GET with a 502": [status(502), {}, true],
  "GET with a 503": [status(503), {}, true],
  "GET with a 504": [status(504), {}, true],
  "PUT with a 503": [status(503), { method: "PUT", body: "x" }, true],
  "DELETE without a response": [unreachable, { method: "DELETE" }, true],
  "GET with a 500": [status(500), {}, false],
  "GET with a 429": [status(429), {}, false],
  "GET with a 404": [status(404), {}, false],
  "POST with a 503": [status(503), { method: "POST" }, false],
  "POST without a response": [unreachable, { method: "POST" }, false],
  "PATCH with a 503": [status(503), { method: "PATCH", body: "x" }, false],
  "PUT of a stream": [status(503), { method: "PUT", body: new ReadableStream() }, false],
  "GET that failed further down": [
    status(503, { [internalHeaders.faultElsewhere]: "1" }),
    {},
    false,
  ],
  "GET whose caller has no time to wait": [status(503), { remainingMs: () => 20 }, false],
  "GET whose Retry-After exceeds the caller's time": [
    status(503, { "retry-after": "2" }),
    { remainingMs: () => 1500 },
    false,
  ],
};
for (const [what, [respond, call, isIt]] of Object.entries(comesAgain)) {
  Deno.test(`${what} is ${isIt ? "sent again, once" : "not sent again"}`, async () => {
    const { attempts, call: make, save } = setup();
    await save();
    await make(respond, call).then((response) => response.body?.cancel(), () => {});
    assert.deepEqual(attempts, isIt ? [1, 2] : [1]);
  });
}

Deno.test("a retry that succeeds is the response, and the first body is cancelled", async () => {
  const { call, save, waits } = setup();
  await save();
  const first = new Response("first", { status: 503, headers: { "retry-after": "1" } });
  const response = await call(({ number }) => number === 1 ? first : new Response("second"));
  assert.equal(await response.text(), "second");
  assert.deepEqual(waits, [1025]);
  assert.ok(first.bodyUsed || await first.text() === "", "its connection is free");
});

Deno.test("when all attempts failed the last one is returned", async () => {
  const { call, save } = setup();
  await save();
  const response = await call(({ number }) => new Response(`${number}`, { status: 503 }));
  assert.deepEqual([response.status, await response.text()], [503, "2"]);
});

Deno.test("an open breaker refuses calls unsent, with Retry-After", async () => {
  const { attempts, breakDown, call } = setup({ breaker: { openMs: 2_500 } });
  await breakDown();
  await assert.rejects(call(status(200)), (error) => {
    assert.ok(error instanceof Problem);
    assert.deepEqual([error.code, error.headers], ["upstream_unavailable", { "retry-after": "3" }]);
    return true;
  });
  assert.deepEqual(attempts, []);
});

Deno.test("calls that the breaker refuses take no slot of the bulkhead", async () => {
  const { breakDown, call, clock } = setup({ maxConcurrent: 1 });
  await breakDown();
  for (let at = 0; at < 3; at++) await assert.rejects(call(status(200)));
  clock.advance(defaultPolicy.breaker.openMs);
  assert.equal((await call(() => new Response(null, { status: 204 }))).status, 204);
});

Deno.test("a breaker that opens between two attempts leaves the first response in place", async () => {
  const { attempts, call, save } = setup({ breaker: { minimumCalls: 1 } });
  await save();
  const response = await call(status(503));
  assert.deepEqual([response.status, await response.text()], [503, "body"]);
  assert.deepEqual(attempts, [1]);
});

Deno.test("a full bulkhead refuses at once, and counts no failure", async () => {
  const { call } = setup({ maxConcurrent: 1, breaker: { minimumCalls: 1 } });
  const held = Promise.withResolvers<Response>();
  const waiting = call(() => held.promise);
  await assert.rejects(call(status(200)), { code: "upstream_unavailable" });
  held.resolve(new Response("ok"));
  await (await waiting).text();
  await (await call(status(200))).text();
});

for (const [what, respond] of Object.entries({ heedless, obedient })) {
  Deno.test(`an attempt of ${what} upstreams ends with its time, and its signal`, async () => {
    const signals: AbortSignal[] = [];
    const { call } = setup({ timeoutMs: 1, retry: { maxAttempts: 1 } });
    const late = call((attempt) => {
      signals.push(attempt.signal);
      return respond(attempt);
    });
    await assert.rejects(late, { code: "upstream_timeout" });
    assert.ok(signals[0]?.aborted);
  });
}

Deno.test("a late response is cancelled", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const { call } = setup({ timeoutMs: 1 });
  await assert.rejects(call(() => promise), { code: "upstream_timeout" });
  const cancelled = Promise.withResolvers<void>();
  resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
  await cancelled.promise;
});

Deno.test("a response that streams on is not cut off by the attempt's time limit", async () => {
  const { call } = setup({ timeoutMs: 20 });
  const signals: AbortSignal[] = [];
  const response = await call(({ signal }) => {
    signals.push(signal);
    return new Response("ok");
  });
  // Only a timer that was not stopped could interrupt it.
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.ok(!signals[0]?.aborted);
  assert.equal(await response.text(), "ok");
});

Deno.test("a client that leaves is no failure of the dependency, and its call is not retried", async () => {
  const { attempts, call, save } = setup({ breaker: { minimumCalls: 1 } });
  await save();
  const abort = new AbortController();
  const left = call((attempt) => {
    const ending = obedient(attempt);
    abort.abort();
    return ending;
  }, { signal: abort.signal });
  await assert.rejects(left, { code: "upstream_unavailable" });
  assert.deepEqual(attempts, [1]);
  await (await call(status(200))).text();
});

Deno.test("a client that leaves between two attempts causes no second one", async () => {
  const { attempts, call, save, waits } = setup();
  await save();
  const abort = new AbortController();
  const response = await call(() => {
    abort.abort();
    return new Response("x", { status: 503 });
  }, { signal: abort.signal });
  assert.equal(response.status, 503);
  await response.body?.cancel();
  assert.deepEqual([attempts, waits], [[1], []]);
});

for (const remaining of [1, 21, 39]) {
  Deno.test(`[F40] a caller's deadline of ${remaining} of 40 ms does not count against the dependency`, async () => {
    const { call } = setup({ timeoutMs: 40, breaker: { minimumCalls: 1 } });
    const options = { method: "POST", remainingMs: () => remaining };
    await assert.rejects(call(heedless, options), { code: "upstream_timeout" });
    await (await call(status(200))).text();
  });
}

Deno.test("[F40] a caller's deadline that ends by its signal does not count either", async () => {
  const { call } = setup({ timeoutMs: 4_000, breaker: { minimumCalls: 1 } });
  const options = { method: "POST", signal: AbortSignal.timeout(1) };
  await assert.rejects(call(obedient, options), { code: "upstream_timeout" });
  await (await call(status(200))).text();
});

Deno.test("[F40] the dependency's own time limit counts, as soon as its caller waits for all of it", async () => {
  const { attempts, call } = setup({ timeoutMs: 40, breaker: { minimumCalls: 1 } });
  const options = { method: "POST", remainingMs: () => 40 };
  await assert.rejects(call(heedless, options), { code: "upstream_timeout" });
  await assert.rejects(call(status(200), options), { code: "upstream_unavailable" });
  assert.deepEqual(attempts, [1], "the second was refused");
});

Deno.test("[F40] the dependency's own time limit counts on a retry too, where it is counted down", async () => {
  const { attempts, call, save } = setup({ breaker: { minimumCalls: 2 } });
  await save();
  const spent = {
    timeoutMs: 1_000,
    remainingMs: () => attempts.length === 0 ? 1_000 : 60,
    isOwnCountdown: true,
  };
  const slow = call(
    (attempt) => attempt.number === 1 ? unreachable(attempt) : heedless(attempt),
    spent,
  );
  await assert.rejects(slow, { code: "upstream_timeout" });
  assert.deepEqual(attempts, [1, 2]);
  await assert.rejects(call(status(200)), { code: "upstream_unavailable" });
});

for (const [what, respond] of Object.entries({ heedless, obedient })) {
  Deno.test(`[F40] a client that leaves never counts, with ${what} upstreams past the time limit`, async () => {
    const { call } = setup({ timeoutMs: 20, breaker: { minimumCalls: 1 } });
    const abort = new AbortController();
    const left = call(respond, { method: "POST", signal: abort.signal });
    abort.abort();
    await assert.rejects(left);
    await (await call(status(200))).text();
    await assert.rejects(call(respond, { method: "POST", signal: AbortSignal.abort() }));
    await (await call(status(200))).text();
  });
}

Deno.test("[D05] a client that leaves its probe makes way for the next call, whatever the upstream does", async () => {
  const { breakDown, call, clock } = setup({ timeoutMs: 20 });
  await breakDown();
  clock.advance(defaultPolicy.breaker.openMs);
  const abort = new AbortController();
  const left = call(heedless, { method: "POST", signal: abort.signal });
  await assert.rejects(call(status(200)), { code: "upstream_unavailable" });
  abort.abort();
  await (await call(status(200))).text();
  await (await call(status(200))).text();
  await assert.rejects(left);
});

Deno.test("a dependency that hangs opens its breaker as slow, however short its callers' deadlines", async () => {
  const { attempts, call, clock } = setup({
    timeoutMs: 40,
    breaker: { minimumCalls: 1, slowCallMs: 20 },
  });
  const abort = new AbortController();
  const hanging = call(obedient, { method: "POST", signal: abort.signal });
  clock.advance(20);
  await assert.rejects(call(status(200), { method: "POST" }), { code: "upstream_unavailable" });
  abort.abort();
  await assert.rejects(hanging);
  assert.deepEqual(attempts, [1], "the second was refused");
});

Deno.test("each attempt receives the time that its caller will wait", async () => {
  const { call, clock, save } = setup();
  await save();
  const endsAt = clock.now() + 900;
  const limits: number[] = [];
  const response = await call(({ limitMs }) => {
    limits.push(limitMs);
    clock.advance(100);
    return new Response(null, { status: 503 });
  }, { remainingMs: () => endsAt - clock.now() });
  assert.equal(response.status, 503);
  assert.deepEqual(limits, [900, 900 - 100 - 25]);
});

Deno.test("a failure that a service reports of its own dependency does not open its breaker", async () => {
  const { attempts, call } = setup({ breaker: { minimumCalls: 1 } });
  const further = status(503, { [internalHeaders.faultElsewhere]: "1" });
  for (let at = 0; at < 5; at++) await (await call(further)).text();
  assert.equal(attempts.length, 5);
});

for (const share of [1, 0.5]) {
  Deno.test(`[F40] with ${share * 100} % failing a dependency gets at most 1.1 times the calls`, async () => {
    const { attempts, call } = setup({ breaker: { minimumCalls: 1_000_000 } });
    const calls = 2_000;
    for (let at = 0; at < calls; at++) {
      const respond = attempts.length * share % 1 === 0 ? status(503) : status(200);
      await (await call(respond)).body?.cancel();
    }
    assert.ok(attempts.length > calls, "some came again");
    assert.ok(attempts.length <= 1.1 * calls, `${attempts.length}`);
  });
}

Deno.test("without an outage the default policy never refuses a call", async () => {
  const { attempts, call } = setup();
  for (let at = 0; at < defaultPolicy.maxConcurrent * 2; at++) {
    await (await call(status(200))).text();
  }
  assert.equal(attempts.length, defaultPolicy.maxConcurrent * 2);
});

Deno.test("a response that the caller receives is final, and is received in its slot", async () => {
  const { attempts, call, save } = setup({ maxConcurrent: 1 });
  await save();
  const response = await call(status(503), {
    async receive(response) {
      await assert.rejects(call(status(200)), { code: "upstream_unavailable" });
      return new Response(`received ${response.status}`);
    },
  });
  assert.equal(await response.text(), "received 503");
  assert.deepEqual(attempts, [1]);
});

for (const isFault of [true, false]) {
  Deno.test(
    `a response that cannot be received is thrown as it is, and ${
      isFault ? "counts" : "does not count"
    } against the dependency`,
    async () => {
      const { attempts, call, save } = setup({ breaker: { minimumCalls: 1 } });
      await save();
      const cause = new TypeError("truncated");
      const broken = call(status(200), {
        receive: () => Promise.reject(cause),
        isFault: (error) => isFault && error === cause,
      });
      await assert.rejects(broken, (error) => error === cause);
      assert.deepEqual(attempts, [1], "it is not retried");
      const next = call(status(200));
      if (isFault) await assert.rejects(next, { code: "upstream_unavailable" });
      else await (await next).text();
    },
  );
}

Deno.test("a response that is not received in time is upstream_timeout, and counts", async () => {
  const { call } = setup({ breaker: { minimumCalls: 1 } });
  const stalled = call(status(200), { timeoutMs: 1, receive: () => new Promise(() => {}) });
  await assert.rejects(stalled, { code: "upstream_timeout" });
  await assert.rejects(call(status(200)), { code: "upstream_unavailable" });
});

const noUpload = { isAwaited: () => false, onPart() {}, refusal: () => undefined };

Deno.test("a refused upload is thrown instead of its attempt's error, and counts nothing", async () => {
  const { attempts, call, save } = setup({ breaker: { minimumCalls: 1 } });
  await save();
  const upload = { ...noUpload, refusal: () => new Problem("payload_too_large") };
  const cut = call(unreachable, { upload, isSentOnce: true });
  await assert.rejects(cut, { code: "payload_too_large" });
  assert.deepEqual(attempts, [1]);
  await (await call(status(200))).text();
});

Deno.test("a dependency's time stops while its upload is awaited, and starts again at each part", async () => {
  const { call } = setup({ timeoutMs: 1 });
  const timeIsOver = Promise.withResolvers<void>();
  let [isAwaited, hasEnded] = [true, false];
  let onPart = (): void => {};
  const upload = {
    ...noUpload,
    isAwaited() {
      timeIsOver.resolve();
      return isAwaited;
    },
    onPart: (listener: () => void) => void (onPart = listener),
  };
  const waiting = call(heedless, { upload, method: "POST" }).finally(() => hasEnded = true);
  await timeIsOver.promise;
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(!hasEnded, "the sender owes a part");
  isAwaited = false;
  onPart();
  await assert.rejects(waiting, { code: "upstream_timeout" });
});

Deno.test("no call within the longest time limit is slow, whatever the policy says", async () => {
  const { call, clock } = setup({ breaker: { minimumCalls: 1, slowCallMs: 20 } }, {
    longestTimeoutMs: 1_000,
  });
  const take = (ms: number): Respond => () => {
    clock.advance(ms);
    return new Response(null, { status: 204 });
  };
  await call(take(999));
  await call(take(1_000));
  await assert.rejects(call(take(0)), { code: "upstream_unavailable" });
});
