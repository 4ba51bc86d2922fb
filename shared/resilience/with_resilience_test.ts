import assert from "node:assert/strict";
import { type RequestContext, runInContext } from "../context/request_context.ts";
import { type Upstream, urlUpstream } from "../composition/upstream.ts";
import { type PolicyPatch, toPolicy } from "./policy.ts";
import { createTestClock } from "../../tests/support/test_clock.ts";
import { withResilience } from "./decorators.ts";

type Respond = (init: RequestInit) => Response | Promise<Response>;

function setup(patch: PolicyPatch = {}) {
  const clock = createTestClock();
  const policy = toPolicy({ breaker: { minimumCalls: 3 }, ...patch });
  const sent: RequestInit[] = [];
  let respond: Respond = () => new Response("ok");
  const upstream: Upstream = {
    name: "recommender",
    async fetch(_target, init = {}) {
      sent.push(init);
      return await respond(init);
    },
  };
  const guarded = withResilience(upstream, {
    policy: () => policy,
    now: clock.now,
    epochNow: () => 1_000,
    random: () => 0,
    sleep: clock.sleep,
  });
  const within = <Result>(context: Partial<RequestContext>, work: () => Result) =>
    runInContext({
      service: "recommendation",
      trace: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", flags: 1 },
      callChain: [],
      signal: new AbortController().signal,
      ...context,
    }, work);
  return { respondWith: (next: Respond) => void (respond = next), guarded, sent, within };
}

const hanging: Respond = ({ signal }) =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

Deno.test("the upstream keeps its name, and its responses, failures too", async () => {
  const { respondWith, guarded } = setup();
  assert.equal(guarded.name, "recommender");
  assert.equal(await (await guarded.fetch("/x")).text(), "ok");
  respondWith(() => new Response("no", { status: 500 }));
  const response = await guarded.fetch("/x", { method: "POST", body: "{}" });
  assert.deepEqual([response.status, await response.text()], [500, "no"]);
});

Deno.test("[D05] an upstream that fails is not called", async () => {
  const { respondWith, guarded, sent } = setup();
  respondWith(() => Promise.reject(new TypeError("connection refused")));
  const call = () => guarded.fetch("/x", { method: "POST" });
  for (let at = 0; at < 10; at++) await assert.rejects(call(), { code: "upstream_unavailable" });
  assert.equal(sent.length, 3);
});

Deno.test("a POST is sent once, a GET again while the budget allows it", async () => {
  const { respondWith, guarded, sent } = setup({ breaker: { minimumCalls: 1_000 } });
  for (let at = 0; at < 20; at++) await (await guarded.fetch("/x")).text();
  respondWith(() => new Response("no", { status: 503 }));
  for (const [method, times] of [["POST", 1], ["GET", 2]] as const) {
    sent.length = 0;
    await (await guarded.fetch("/x", { method })).text();
    assert.equal(sent.length, times, method);
  }
});

interface Places {
  readonly context?: Partial<RequestContext>;
  readonly init?: RequestInit;
}
const signals: Record<string, (signal: AbortSignal) => Places> = {
  "the client of the current request leaves": (signal) => ({ context: { signal } }),
  "its caller's own signal aborts": (signal) => ({ init: { signal } }),
};
for (const [what, slot] of Object.entries(signals)) {
  Deno.test(`a call ends when ${what}`, async () => {
    const { respondWith, guarded, within } = setup();
    const abort = new AbortController();
    respondWith((init) => {
      const ending = hanging(init);
      abort.abort();
      return ending;
    });
    const { context = {}, init } = slot(abort.signal);
    await assert.rejects(within(context, () => guarded.fetch("/x", init)), {
      code: "upstream_unavailable",
    });
  });
}

Deno.test("a call ends with the deadline of the current request", async () => {
  const { respondWith, guarded, within } = setup();
  respondWith(hanging);
  const late = within({ deadline: 1_001 }, () => guarded.fetch("/x"));
  await assert.rejects(late, { code: "upstream_timeout" });
});

Deno.test("over HTTP: an outage, the refusal, and the recovery", async () => {
  let isDown = true;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => isDown ? Response.json({}, { status: 502 }) : Response.json({ items: [] }),
  );
  const clock = createTestClock();
  const policy = toPolicy({ breaker: { minimumCalls: 3, openMs: 1_000 } });
  const guarded = withResilience(urlUpstream(`http://127.0.0.1:${server.addr.port}`), {
    policy: () => policy,
    now: clock.now,
  });
  const request = () => guarded.fetch("/v1/recommendations", { method: "POST", body: "{}" });
  for (let at = 0; at < 3; at++) assert.equal((await (await request()).json()).items, undefined);
  await assert.rejects(request(), { code: "upstream_unavailable" });
  isDown = false;
  await assert.rejects(request(), { code: "upstream_unavailable" });
  clock.advance(1_000);
  for (let at = 0; at < 2; at++) assert.deepEqual(await (await request()).json(), { items: [] });
  await server.shutdown();
});
