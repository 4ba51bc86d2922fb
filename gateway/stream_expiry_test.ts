import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
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
    hasLeft: () => within("the service is told that its reader left", left.promise),
    say: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
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

Deno.test("a stream ends with its token, and the service is told [F37]", async () => {
  const ticks = startTicks("text/event-stream; charset=utf-8");
  ticks.say("data: 1\n\n");
  const limited = expireStream(ticks.response, { endsAt: 20, now });
  assert.equal(limited.headers.get("x-a"), "b");
  assert.equal(await readAll(limited), "data: 1\n\n");
  await ticks.hasLeft();
});

Deno.test("a stream whose token has ended already ends at once", async () => {
  const ticks = startTicks();
  assert.equal(await readAll(expireStream(ticks.response, { endsAt: -1, now })), "");
  await ticks.hasLeft();
});

/** Deno looks for timers that are left only where it is told to. */
const watched = { sanitizeOps: true, sanitizeResources: true };

Deno.test("a stream that ends by itself leaves no timer behind", watched, async () => {
  const ticks = startTicks();
  const check = () => Promise.resolve();
  const limited = expireStream(ticks.response, {
    endsAt: 1e9,
    now,
    recheck: { everyMs: 1e6, check },
  });
  ticks.say("data: 1\n\n");
  ticks.close();
  assert.equal(await readAll(limited), "data: 1\n\n");
});

Deno.test("a stream that breaks breaks for the client too [F33]", async () => {
  const ticks = startTicks();
  const limited = expireStream(ticks.response, { endsAt: 1e9, now });
  ticks.fail();
  await assert.rejects(readAll(limited), TypeError);
});

Deno.test("a client that leaves takes the call along, and the timers", watched, async () => {
  const ticks = startTicks();
  const recheck = { everyMs: 1e6, check: () => Promise.resolve() };
  const limited = expireStream(ticks.response, { endsAt: 1e9, now, recheck });
  await limited.body?.cancel();
  await ticks.hasLeft();
});

for (const code of ["token_revoked", "revocation_unavailable"] as const) {
  Deno.test(`a stream ends when a later check says ${code}`, async () => {
    const ticks = startTicks();
    let asked = 0;
    const check = () => ++asked < 3 ? Promise.resolve() : Promise.reject(new Problem(code));
    const recheck = { everyMs: 1, check };
    const limited = expireStream(ticks.response, { endsAt: 1e9, now, recheck });
    ticks.say("data: 1\n\n");
    assert.equal(await readAll(limited), "data: 1\n\n");
    assert.equal(asked, 3);
    await ticks.hasLeft();
  });
}

Deno.test("a token that ends later than a timer can wait for does not end its stream at once", async () => {
  const ticks = startTicks();
  const limited = expireStream(ticks.response, { endsAt: 10 ** 12, now });
  // A delay that is too long for a timer is none at all.
  await new Promise((resolve) => setTimeout(resolve, 20));
  ticks.say("data: 1\n\n");
  ticks.close();
  assert.equal(await readAll(limited), "data: 1\n\n");
});

Deno.test("what is no stream of events is not touched", () => {
  const ticks = startTicks("application/octet-stream");
  assert.equal(expireStream(ticks.response, { endsAt: 0, now }), ticks.response);
  const empty = new Response(null, { headers: { "content-type": "text/event-stream" } });
  assert.equal(expireStream(empty, { endsAt: 0, now }), empty);
});

const token: AccessToken = {
  iss: "i",
  kid: "k",
  sub: "u",
  iat: 0,
  exp: 1_000,
  roles: [],
  scope: "",
};

/** What limits streams, with a revocation list that refuses after so many questions. */
function setup(refuseAfter: number) {
  const asked: unknown[] = [];
  const unused = () => Promise.reject(new Error("Nobody asks"));
  const limit = createExpireStream({
    now,
    revocation: {
      check(of, mode) {
        asked.push([of, mode]);
        return asked.length > refuseAfter
          ? Promise.reject(new Problem("token_revoked"))
          : Promise.resolve("clear");
      },
      count: unused,
      isReady: unused,
    },
  });
  return { limit, asked };
}

Deno.test("a route that rechecks asks Redis itself, again and again, about the token of its caller", async () => {
  const ticks = startTicks();
  const { limit, asked } = setup(2);
  const limited = limit(ticks.response, { bearer: token, route: { recheckMs: 1 } });
  assert.equal(await readAll(limited), "");
  assert.deepEqual(asked, Array(3).fill([token, "strict"]));
  await ticks.hasLeft();
});

Deno.test("a stream that nobody in particular opened goes on", () => {
  const { limit } = setup(0);
  const { response } = startTicks();
  assert.equal(limit(response, { bearer: "anonymous", route: { recheckMs: 1 } }), response);
});
