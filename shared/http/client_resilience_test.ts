import assert from "node:assert/strict";
import { Hono } from "hono";
import { createPassports } from "../../tests/support/passports.ts";
import { currentContext } from "../context.ts";
import { internalHeaders } from "../internal_headers.ts";
import { type PolicyPatch, toPolicy } from "../resilience/mod.ts";
import { urlUpstream } from "../upstream.ts";
import { createClient } from "./client.ts";
import { edgepass } from "./require_passport.ts";
import { respondToError } from "./respond_to_error.ts";
import { createServiceRuntime } from "./service_runtime.ts";

const blamesFurther = internalHeaders.faultElsewhere;

/** What reached the called service, attempt by attempt, whether it was answered or not. */
interface EdgeState {
  readonly passport: string | null;
  readonly trace: string;
  readonly span: string;
  readonly deadlineMs: number;
}

type Health = (request: Request) => Response | "well";

/** Two services over HTTP: `front` calls `back` in the name of whoever asks it. */
function setup(patch: PolicyPatch) {
  const passports = createPassports();
  const runtime = createServiceRuntime(passports.bindings, { sink: () => {} });
  const heard: EdgeState[] = [];
  const inForce = { health: (() => "well") as Health };

  const back = new Hono()
    .use(edgepass({ name: "back", runtime }))
    .get("/me", (c) => c.json({ sub: c.var.passport.sub, txn: c.var.passport.txn }));
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const [, trace = "", span = ""] = (request.headers.get("traceparent") ?? "").split("-");
    const passport = request.headers.get("x-passport");
    const deadlineMs = Number(request.headers.get("x-deadline-ms"));
    heard.push({ passport, trace, span, deadlineMs });
    const ill = inForce.health(request);
    return ill === "well" ? back.fetch(request) : ill;
  });

  const policy = toPolicy(patch);
  const client = createClient({
    services: { back: urlUpstream(`http://127.0.0.1:${server.addr.port}`) },
    resilience: { policies: () => policy },
  });
  const log = runtime.createLogger("front");
  const front = new Hono()
    .use(edgepass({ name: "front", runtime }))
    .get("/me", async (c) => {
      const response = await client.call("back", "/me");
      const text = await response.text();
      const { deadline = 0 } = currentContext() ?? {};
      return c.json({ status: response.status, text, isLate: deadline < Date.now() });
    });
  front.onError((error) => respondToError(error, log));

  /** Asks as somebody new, with a trace of their own. */
  async function ask() {
    const sub = `user:${crypto.randomUUID()}`;
    const txn = crypto.randomUUID().replaceAll("-", "");
    const passport = await passports.sign({ sub, txn });
    const response = await front.request("/me", {
      headers: {
        "x-passport": passport,
        "x-deadline-ms": "5000",
        traceparent: `00-${txn}-00f067aa0ba902b7-01`,
      },
    });
    const answer: unknown = await response.json();
    const { status, headers } = response;
    return { sub, txn, passport, status, answer, blames: headers.get(blamesFurther) };
  }

  return { ask, heard, inForce, [Symbol.asyncDispose]: () => server.shutdown() };
}

type Asked = Awaited<ReturnType<ReturnType<typeof setup>["ask"]>>;

/** Whoever was answered was answered about themselves, and so was every attempt made for them. */
function requireOwn({ sub, txn, passport, answer }: Asked, heard: readonly EdgeState[]): number {
  const text = JSON.stringify({ sub, txn });
  assert.deepEqual(answer, { status: 200, text, isLate: false });
  const own = heard.filter(({ trace }) => trace === txn);
  assert.ok(own.every((one) => one.passport === passport), "the Passport of this very request");
  assert.equal(new Set(own.map(({ span }) => span)).size, own.length, "a span for each attempt");
  for (const [at, { deadlineMs }] of own.entries()) {
    const before = own[at - 1]?.deadlineMs ?? 5_001;
    assert.ok(deadlineMs > 0 && deadlineMs < before, "less time with each attempt");
  }
  return own.length;
}

Deno.test("[D05] among many people a call that is sent again is still this person's", async () => {
  await using environment = setup({
    timeoutMs: 5_000,
    retry: { maxAttempts: 3, baseDelayMs: 20 },
    breaker: { minimumCalls: 1_000_000 },
  });
  const { ask, heard, inForce } = environment;
  await Promise.all(Array.from({ length: 30 }, ask));
  let retried = 0;
  for (let round = 0; round < 10; round++) {
    heard.length = 0;
    let count = 0;
    // The budget pays for three: each third of the first nine fails once.
    const seen = new Set<string | null>();
    inForce.health = ({ headers }) => {
      const passport = headers.get("x-passport");
      const fails = !seen.has(passport) && count < 9 && count % 3 === 0;
      if (!seen.has(passport)) count++;
      seen.add(passport);
      return fails ? new Response(null, { status: 503 }) : "well";
    };
    for (const asked of await Promise.all(Array.from({ length: 30 }, ask))) {
      retried += requireOwn(asked, heard) - 1;
    }
  }
  assert.equal(retried, 30, "every failure was made good");
});

Deno.test("[F31] the one call that a half-open breaker lets through is this person's", async () => {
  const openMs = 10;
  await using environment = setup({
    retry: { maxAttempts: 1 },
    breaker: { minimumCalls: 5, windowMs: 600_000, openMs },
  });
  const { ask, heard, inForce } = environment;
  for (let round = 0; round < 5; round++) {
    inForce.health = () => new Response(null, { status: 503 });
    let refused = 0;
    while (refused === 0) refused = (await ask()).status === 503 ? 1 : 0;
    inForce.health = () => "well";
    heard.length = 0;
    const crowd: Asked[] = [];
    // Together they come, until one of them is let through and the others after it.
    while (!crowd.some(({ status }) => status === 200)) {
      crowd.push(...await Promise.all(Array.from({ length: 20 }, ask)));
    }
    for (const asked of crowd) {
      const own = heard.filter(({ trace }) => trace === asked.txn);
      if (asked.status === 200) assert.equal(requireOwn(asked, heard), 1);
      else assert.deepEqual([asked.status, own.length], [503, 0], "refused unmade");
    }
  }
});

Deno.test("a service that cannot reach its dependency says that it is not its own fault", async () => {
  await using environment = setup({ retry: { maxAttempts: 1 } });
  environment.inForce.health = () => new Response(null, { status: 503 });
  let asked = await environment.ask();
  assert.equal(asked.blames, null, "an answer is an answer");
  while (asked.status === 200) asked = await environment.ask();
  assert.deepEqual([asked.status, asked.blames], [503, "1"]);
});
