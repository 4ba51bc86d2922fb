import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import { createExpireStream, expireStream } from "./stream_expiry.ts";

const now = () => 0;
const decoder = new TextDecoder();

/** A stream that never ends by itself. */
function startTicks(type = "text/event-stream") {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (one) => void (controller = one),
    cancel: () => left.resolve(),
  });
  return {
    hasLeft: () => within("the service's stream is cancelled", left.promise),
    send: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    fail: () => controller?.error(new TypeError("connection lost")),
    close: () => controller?.close(),
    response: new Response(body, { status: 200, headers: { "content-type": type, "x-a": "b" } }),
  };
}

async function readAll(response: Response): Promise<string> {
  return await within("the stream ends", readToEnd(response));
}

async function readToEnd(response: Response): Promise<string> {
  let text = "";
  for await (const part of response.body ?? []) text += decoder.decode(part);
  return text;
}

Deno.test("an event stream ends when its token expires, and the service's stream is cancelled [F37]", async () => {
  const ticks = startTicks("text/event-stream; charset=utf-8");
  ticks.send("data: 1\n\n");
  const limited = expireStream(ticks.response, { endsAt: 20, now });
  assert.equal(limited.headers.get("x-a"), "b");
  assert.equal(await readAll(limited), "data: 1\n\n");
  await ticks.hasLeft();
});

Deno.test("an event stream whose token has already expired ends at once", async () => {
  const ticks = startTicks();
  assert.equal(await readAll(expireStream(ticks.response, { endsAt: -1, now })), "");
  await ticks.hasLeft();
});

/** Deno checks for leaked timers only with these options. */
const watched = { sanitizeOps: true, sanitizeResources: true };

Deno.test("an event stream that its service ends leaks no timer", watched, async () => {
  const ticks = startTicks();
  const check = () => Promise.resolve();
  const limited = expireStream(ticks.response, {
    endsAt: 1e9,
    now,
    recheck: { everyMs: 1e6, check },
  });
  ticks.send("data: 1\n\n");
  ticks.close();
  assert.equal(await readAll(limited), "data: 1\n\n");
});

Deno.test("an event stream that fails is an error for the client too [F33]", async () => {
  const ticks = startTicks();
  const limited = expireStream(ticks.response, { endsAt: 1e9, now });
  ticks.fail();
  await assert.rejects(readAll(limited), TypeError);
});

Deno.test("a client that disconnects ends the upstream call and the timers", watched, async () => {
  const ticks = startTicks();
  const recheck = { everyMs: 1e6, check: () => Promise.resolve() };
  const limited = expireStream(ticks.response, { endsAt: 1e9, now, recheck });
  await limited.body?.cancel();
  await ticks.hasLeft();
});

for (const code of ["token_revoked", "revocation_unavailable"] as const) {
  Deno.test(`an event stream ends when a later check throws ${code}`, async () => {
    const ticks = startTicks();
    let checks = 0;
    const check = () => ++checks < 3 ? Promise.resolve() : Promise.reject(new Problem(code));
    const recheck = { everyMs: 1, check };
    const limited = expireStream(ticks.response, { endsAt: 1e9, now, recheck });
    ticks.send("data: 1\n\n");
    assert.equal(await readAll(limited), "data: 1\n\n");
    assert.equal(checks, 3);
    await ticks.hasLeft();
  });
}

Deno.test("a token that expires after the longest timer delay does not end its stream at once", async () => {
  const ticks = startTicks();
  const limited = expireStream(ticks.response, { endsAt: 10 ** 12, now });
  // Timers treat a delay that is too long as zero.
  await new Promise((resolve) => setTimeout(resolve, 20));
  ticks.send("data: 1\n\n");
  ticks.close();
  assert.equal(await readAll(limited), "data: 1\n\n");
});

Deno.test("a response that is not an event stream does not change", () => {
  const ticks = startTicks("application/octet-stream");
  assert.equal(expireStream(ticks.response, { endsAt: 0, now }), ticks.response);
  const empty = new Response(null, { headers: { "content-type": "text/event-stream" } });
  assert.equal(expireStream(empty, { endsAt: 0, now }), empty);
});

const token: AccessToken = {
  iss: "i",
  kid: "k",
  kind: "user",
  sub: "u",
  iat: 0,
  exp: 1_000,
  roles: [],
  scope: "",
};

/** The expiry of streams, with a revocation list that refuses after this many checks. */
function setup(refuseAfter: number) {
  const checks: unknown[] = [];
  const limit = createExpireStream({
    now,
    recheck(of) {
      checks.push(of);
      return checks.length > refuseAfter
        ? Promise.reject(new Problem("token_revoked"))
        : Promise.resolve();
    },
  });
  return { limit, checks };
}

Deno.test("a route with recheckMs checks its caller's token again and again", async () => {
  const ticks = startTicks();
  const { limit, checks } = setup(2);
  const limited = limit(ticks.response, { caller: token, route: { recheckMs: 1 } });
  assert.equal(await readAll(limited), "");
  assert.deepEqual(checks, Array(3).fill(token));
  await ticks.hasLeft();
});

Deno.test("an anonymous caller's event stream continues", () => {
  const { limit } = setup(0);
  const { response } = startTicks();
  assert.equal(limit(response, { caller: "anonymous", route: { recheckMs: 1 } }), response);
});
