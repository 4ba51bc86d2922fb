import assert from "node:assert/strict";
import { Hono } from "hono";
import { createPassports } from "../../tests/support/passports.ts";
import { currentContext, internalHeaders } from "../context/request_context.ts";
import { type PolicyPatch, toPolicy } from "../resilience/mod.ts";
import { urlUpstream } from "../composition/upstream.ts";
import { createClient } from "./client.ts";
import { requirePassport } from "./require_passport.ts";
import { respondToError } from "./api.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const faultElsewhere = internalHeaders.faultElsewhere;

/** One attempt that reached the called service, whatever its response. */
interface Attempt {
  readonly passport: string | null;
  readonly trace: string;
  readonly span: string;
  readonly deadlineMs: number;
}

type Health = (request: Request) => Response | "well" | Promise<"well">;

/** Two services over HTTP: `front` calls `back` on behalf of its caller. */
function setup(patch: PolicyPatch) {
  const passports = createPassports();
  const runtime = createServiceRuntime(passports.bindings, { sink: () => {} });
  const attempts: Attempt[] = [];
  const backend = { health: (() => "well") as Health };

  const back = new Hono()
    .use(requirePassport({ name: "back", runtime }))
    .get("/me", (c) => c.json({ sub: c.var.passport.sub, txn: c.var.passport.txn }));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const [, trace = "", span = ""] = (request.headers.get("traceparent") ?? "").split("-");
    const passport = request.headers.get("x-passport");
    const deadlineMs = Number(request.headers.get("x-deadline-ms"));
    attempts.push({ passport, trace, span, deadlineMs });
    const outcome = await backend.health(request);
    return outcome === "well" ? back.fetch(request) : outcome;
  });

  const policy = toPolicy(patch);
  const client = createClient({
    services: { back: urlUpstream(`http://127.0.0.1:${server.addr.port}`) },
    resilience: { policies: () => policy },
  });
  const log = runtime.createLogger("front");
  const front = new Hono()
    .use(requirePassport({ name: "front", runtime }))
    .get("/me", async (c) => {
      const response = await client.call("back", "/me");
      const text = await response.text();
      const { deadline = 0 } = currentContext() ?? {};
      return c.json({ status: response.status, text, isLate: deadline < Date.now() });
    });
  front.onError((error) => respondToError(error, log));

  /** Sends a request of a new person with its own trace. */
  async function request(deadlineMs = 5_000) {
    const sub = `user:${crypto.randomUUID()}`;
    const txn = crypto.randomUUID().replaceAll("-", "");
    const passport = await passports.sign({ sub, txn });
    const response = await front.request("/me", {
      headers: {
        "x-passport": passport,
        "x-deadline-ms": String(deadlineMs),
        traceparent: `00-${txn}-00f067aa0ba902b7-01`,
      },
    });
    const body: unknown = await response.json();
    const { status, headers } = response;
    return { sub, txn, passport, status, body, blames: headers.get(faultElsewhere) };
  }

  return { request, attempts, backend, [Symbol.asyncDispose]: () => server.shutdown() };
}

type Exchange = Awaited<ReturnType<ReturnType<typeof setup>["request"]>>;

/** Requires that the response and every attempt belong to the person of this request. */
function requireOwn({ sub, txn, passport, body }: Exchange, attempts: readonly Attempt[]): number {
  const text = JSON.stringify({ sub, txn });
  assert.deepEqual(body, { status: 200, text, isLate: false });
  const own = attempts.filter(({ trace }) => trace === txn);
  assert.ok(own.every((one) => one.passport === passport), "the Passport of this very request");
  assert.equal(new Set(own.map(({ span }) => span)).size, own.length, "a span for each attempt");
  for (const [at, { deadlineMs }] of own.entries()) {
    const before = own[at - 1]?.deadlineMs ?? 5_001;
    assert.ok(deadlineMs > 0 && deadlineMs < before, "less time with each attempt");
  }
  return own.length;
}

Deno.test("[D05] a retried call among many concurrent ones keeps its own person's Passport", async () => {
  await using environment = setup({
    timeoutMs: 5_000,
    retry: { maxAttempts: 3, baseDelayMs: 20 },
    breaker: { minimumCalls: 1_000_000 },
  });
  const { request, attempts, backend } = environment;
  await Promise.all(Array.from({ length: 30 }, request));
  let retried = 0;
  for (let round = 0; round < 10; round++) {
    attempts.length = 0;
    let count = 0;
    // The retry budget allows three: every third of the first nine fails once.
    const seen = new Set<string | null>();
    backend.health = ({ headers }) => {
      const passport = headers.get("x-passport");
      const fails = !seen.has(passport) && count < 9 && count % 3 === 0;
      if (!seen.has(passport)) count++;
      seen.add(passport);
      return fails ? new Response(null, { status: 503 }) : "well";
    };
    for (const exchange of await Promise.all(Array.from({ length: 30 }, request))) {
      retried += requireOwn(exchange, attempts) - 1;
    }
  }
  assert.equal(retried, 30, "every failure was retried");
});

Deno.test("[F31] the call that a half-open breaker admits carries its own person's Passport", async () => {
  const openMs = 10;
  await using environment = setup({
    retry: { maxAttempts: 1 },
    breaker: { minimumCalls: 5, windowMs: 600_000, openMs },
  });
  const { request, attempts, backend } = environment;
  for (let round = 0; round < 5; round++) {
    backend.health = () => new Response(null, { status: 503 });
    let refused = 0;
    while (refused === 0) refused = (await request()).status === 503 ? 1 : 0;
    backend.health = () => "well";
    attempts.length = 0;
    const crowd: Exchange[] = [];
    // Concurrent requests, until the breaker admits one and closes.
    while (!crowd.some(({ status }) => status === 200)) {
      crowd.push(...await Promise.all(Array.from({ length: 20 }, request)));
    }
    for (const exchange of crowd) {
      const own = attempts.filter(({ trace }) => trace === exchange.txn);
      if (exchange.status === 200) assert.equal(requireOwn(exchange, attempts), 1);
      else assert.deepEqual([exchange.status, own.length], [503, 0], "refused without a call");
    }
  }
});

Deno.test("[F40] callers whose deadline passes first open no breaker for the others", async () => {
  await using environment = setup({ timeoutMs: 300, breaker: { minimumCalls: 2 } });
  const { promise, resolve } = Promise.withResolvers<"well">();
  environment.backend.health = () => promise;
  const late = await Promise.all(Array.from({ length: 6 }, () => environment.request(200)));
  resolve("well");
  assert.deepEqual(new Set(late.map(({ status }) => status)), new Set([504]));
  assert.ok(environment.attempts.length >= 6, "each call was sent");
  environment.backend.health = () => "well";
  assert.equal((await environment.request()).status, 200);
});

Deno.test("a service that cannot reach its dependency marks its 503 as a fault elsewhere", async () => {
  await using environment = setup({ retry: { maxAttempts: 1 } });
  environment.backend.health = () => new Response(null, { status: 503 });
  let exchange = await environment.request();
  assert.equal(exchange.blames, null, "a response without a fault has no mark");
  while (exchange.status === 200) exchange = await environment.request();
  assert.deepEqual([exchange.status, exchange.blames], [503, "1"]);
});
