import { createLogger } from "@edgepass/shared/context";
import type { VerificationKey } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import assert from "node:assert/strict";
import { waitUntil, within } from "../tests/support/wait.ts";
import { createKeyCache } from "./issuer_keys.ts";

async function makeJwk(kid: string) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("publicKey" in pair)) throw new TypeError("Cannot use a key that is no pair");
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kid, kty, crv, x, alg: "EdDSA", use: "sig" };
}

const named = (kid: string) => ({ kid, alg: "EdDSA" }) as const;

type Respond = (signal: AbortSignal) => Promise<Response>;

/** An issuer whose responses and clock the test controls. */
async function setup() {
  const lines: string[] = [];
  const state = {
    now: 0,
    fetches: 0,
    get warnings() {
      return lines.filter((line) => line.includes('"warn"')).length;
    },
  };
  const keys = { first: await makeJwk("first"), second: await makeJwk("second") };
  const good = (...set: object[]) => () =>
    Promise.resolve(Response.json({ keys: set }, { headers: { "cache-control": "max-age=60" } }));
  let respond: Respond = good(keys.first);
  const jwks = createKeyCache({
    iss: "https://idp.test",
    jwks: (signal) => {
      state.fetches++;
      return respond(signal);
    },
    algorithms: ["EdDSA"],
    now: () => state.now,
    log: createLogger({ service: "test", sink: (line) => void lines.push(line) }),
  });
  return { state, lines, jwks, keys, good, respondWith: (next: Respond) => respond = next };
}

const faults: Readonly<Record<string, () => Promise<Response>>> = {
  "refuses": () => Promise.reject(new TypeError("refused")),
  "responds 500": () => Promise.resolve(new Response("no", { status: 500 })),
  "responds with a redirect": () =>
    Promise.resolve(new Response(null, { status: 302, headers: { location: "/x" } })),
  "responds with HTML": () => Promise.resolve(new Response("<html>")),
  "responds with something else than a set": () => Promise.resolve(Response.json([])),
  "responds with more than 256 KiB": async () =>
    Response.json({ keys: [await makeJwk("large")], padding: "x".repeat(300_000) }),
};

for (const [what, fault] of Object.entries(faults)) {
  Deno.test(`[D03, F52] the last good keys of an issuer that ${what} are used for a day`, async () => {
    const { state, jwks, respondWith, good, keys } = await setup();
    assert.ok(await jwks.findKey(named("first")));
    respondWith(fault);
    for (const [at, hours] of [1, 12, 24, 47].entries()) {
      state.now = hours * 3_600_000;
      assert.ok(await jwks.findKey(named("first")), `after ${hours} h`);
      await waitUntil("the reload has failed", () => state.warnings === at + 1, 5_000);
    }
    assert.equal(await jwks.readState(), "stale");
    respondWith(good(keys.first));
    state.now += 30_000;
    jwks.currentKey(named("first"));
    await waitUntil("it is read again", async () => await jwks.readState() === "ready", 5_000);
  });

  Deno.test(`[D03] an issuer that ${what} from the start is upstream_unavailable`, async () => {
    const { state, jwks, respondWith, good, keys } = await setup();
    respondWith(fault);
    await assert.rejects(jwks.findKey(named("first")), { code: "upstream_unavailable" });
    assert.equal(await jwks.readState(), "away");
    respondWith(good(keys.first));
    state.now += 1000;
    assert.equal(await jwks.readState(), "ready");
    assert.ok(await jwks.findKey(named("first")));
  });
}

/** Sets that are read, and have no key to verify with. */
const emptySets: Readonly<Record<string, (first: object) => object[]>> = {
  "no key": () => [],
  "secret keys only": () => [{ kid: "first", kty: "oct", k: "AAAA" }],
  "keys for encryption only": (first) => [{ ...first, use: "enc" }],
};

for (const [what, toSet] of Object.entries(emptySets)) {
  Deno.test(`[D03] an issuer that publishes ${what} has withdrawn its keys, and is away`, async () => {
    const { state, jwks, lines, respondWith, good, keys } = await setup();
    assert.ok(await jwks.findKey(named("first")));
    respondWith(good(...toSet(keys.first)));
    state.now = 61_000;
    await jwks.findKey(named("first"));
    await waitUntil("it is read", () => jwks.currentKey(named("first")) === undefined, 5_000);
    assert.equal(await jwks.readState(), "away");
    state.now += 1_000;
    assert.equal(await outcomeOf(jwks.findKey(named("first"))), "invalid");
    assert.equal(await outcomeOf(jwks.findKey(named("second"))), 1);
    // An outage after that does not bring them back.
    respondWith(() => Promise.reject(new TypeError("refused")));
    state.now += 1_000;
    assert.equal(await outcomeOf(jwks.findKey(named("first"))), "invalid");
    assert.equal(lines.filter((line) => line.includes("has withdrawn its keys")).length, 1);
    respondWith(good(keys.second));
    state.now += 1_000;
    assert.equal(await jwks.readState(), "ready");
  });

  Deno.test(`[D03] an issuer whose first set has ${what} is upstream_unavailable`, async () => {
    const { state, jwks, respondWith, good, keys } = await setup();
    respondWith(good(...toSet(keys.first)));
    assert.equal(await outcomeOf(jwks.findKey(named("first"))), 1);
    assert.equal(await jwks.readState(), "away");
    respondWith(good(keys.first));
    state.now += 1_000;
    assert.equal(await jwks.readState(), "ready");
  });
}

Deno.test("keys older than two days are not trusted, and the token is not called invalid", async () => {
  const { state, jwks, respondWith } = await setup();
  await jwks.findKey(named("first"));
  respondWith(faults["refuses"]!);
  state.now = 49 * 3_600_000;
  await assert.rejects(jwks.findKey(named("first")), { code: "upstream_unavailable" });
  assert.equal(await jwks.readState(), "away");
});

/** What becomes of a key: it is found, the token is invalid, or the client has to come again. */
async function outcomeOf(key: Promise<VerificationKey | undefined>) {
  try {
    return await key ? "found" : "invalid";
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === "upstream_unavailable", String(error));
    return Number(error.headers["retry-after"]);
  }
}

Deno.test("[I11, D03] a flood of unknown kids causes one fetch in 30 s, and known ones are found", async () => {
  const { state, jwks } = await setup();
  await jwks.findKey(named("first"));
  const outcomes: unknown[] = [];
  for (let second = 1; second < 90; second++) {
    state.now = second * 1000;
    const kids = ["a", "b", "c"].map((kid) => named(`${kid}${second}`));
    outcomes.push(...await Promise.all(kids.map((name) => outcomeOf(jwks.findKey(name)))));
    assert.equal(await outcomeOf(jwks.findKey(named("first"))), "found");
  }
  // The first read, and those at 30 and 60 s.
  assert.equal(state.fetches, 3);
  // A set that was read after a token had arrived decides on it; the others come again.
  assert.equal(outcomes.filter((outcome) => outcome === "invalid").length, 2);
  assert.deepEqual(outcomes.slice(0, 3), [29, 29, 29]);
});

Deno.test("[D03] an unknown kid comes again while a load runs that began before it, or that fails", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  state.now = 30_000;
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  const [before, during] = ["second", "third"].map((kid) => outcomeOf(jwks.findKey(named(kid))));
  held.resolve(await good(keys.first)());
  assert.deepEqual(await Promise.all([before, during]), ["invalid", 30]);
  state.now = 60_000;
  respondWith(() => Promise.reject(new TypeError("refused")));
  assert.equal(await outcomeOf(jwks.findKey(named("second"))), 30);
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "found");
});

Deno.test("[D03] an unknown kid is found by a load that began before it", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  state.now = 30_000;
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  const outcomes = ["third", "second"].map((kid) => outcomeOf(jwks.findKey(named(kid))));
  held.resolve(await good(keys.first, keys.second)());
  assert.deepEqual(await Promise.all(outcomes), ["invalid", "found"]);
});

Deno.test("a key under another algorithm, or no kid, is decided without a fetch", async () => {
  const { state, jwks } = await setup();
  await jwks.findKey(named("first"));
  assert.equal(await jwks.findKey({ kid: "first", alg: "ES256" }), undefined);
  assert.equal((await jwks.findKey({ alg: "EdDSA" }))?.kid, "first");
  state.now = 30_000;
  assert.equal(await jwks.findKey({ kid: "first", alg: "ES256" }), undefined);
  assert.equal(state.fetches, 1);
});

/** Searches as a token without `kid` does that the key `by` has signed. */
function search(by: string) {
  return { verifies: ({ kid }: VerificationKey) => Promise.resolve(kid === by) };
}

Deno.test("a signature without kid that no key verifies has the set read again, once in 30 s", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  const find = (by: string) => outcomeOf(jwks.findKey({ alg: "EdDSA" }, search(by)));
  assert.equal(await find("first"), "found");
  respondWith(good(keys.second));
  assert.equal(await find("second"), 30);
  state.now = 30_000;
  assert.equal(await find("second"), "found");
  for (let second = 31; second < 60; second++) {
    state.now = second * 1000;
    assert.deepEqual([await find("forger"), await find("second")], [60 - second, "found"]);
  }
  state.now = 60_000;
  assert.deepEqual([await find("forger"), await find("forger")], ["invalid", 30]);
  assert.equal(state.fetches, 3);
});

Deno.test("[D03] few requests wait for the load of an unknown key, and the others come again at once", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  state.now = 30_000;
  let waits = 0;
  const flood = Array.from({ length: 50 }, (_, at) => {
    const onWait = () => void waits++;
    return outcomeOf(jwks.findKey(named(at % 2 === 0 ? "second" : `unknown-${at}`), { onWait }));
  });
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "found");
  assert.deepEqual(await within("they end", Promise.all(flood.slice(16))), Array(34).fill(2));
  held.resolve(await good(keys.first, keys.second)());
  const waited = await Promise.all(flood.slice(0, 16));
  assert.deepEqual(waited.slice(0, 3), ["found", 30, "found"]);
  assert.equal(waits, 16);
  assert.equal(state.fetches, 2);
});

Deno.test("a kid that the issuer has withdrawn is invalid at once, and found when it comes back", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  const publish = async (...set: object[]) => {
    respondWith(good(...set));
    const { fetches } = state;
    state.now += 61_000;
    jwks.currentKey(named("first"));
    await waitUntil("it is read", () => state.fetches > fetches, 5_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await publish(keys.second);
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "invalid");
  assert.equal(await outcomeOf(jwks.findKey(named("third"))), 30);
  await publish(keys.second);
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "invalid");
  // Servers of one issuer may disagree for a while: such a key is asked for like an unknown one.
  respondWith(good(keys.first, keys.second));
  state.now += 30_000;
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "found");
});

Deno.test("a load that takes longer than a request waits goes on, and nothing else is fetched", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  const waiting = [jwks.findKey(named("first")), jwks.findKey(named("first"))].map(outcomeOf);
  assert.deepEqual(await within("the wait is over", Promise.all(waiting)), [2, 2]);
  assert.equal(await jwks.readState(), "away");
  held.resolve(await good(keys.first)());
  assert.equal(await outcomeOf(jwks.findKey(named("first"))), "found");
  assert.equal(state.fetches, 1);
});

Deno.test("a load that was given up does not replace what a later one has read", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  jwks.findKey(named("first")).catch(() => {});
  state.now = 13_000;
  respondWith(good(keys.second));
  assert.ok(await jwks.findKey(named("second")));
  held.resolve(await good(keys.first)());
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(jwks.currentKey(named("first")), undefined);
  assert.ok(jwks.currentKey(named("second")));
});

Deno.test("a set without a usable key says which key was dropped and why; one with some, once", async () => {
  const { state, jwks, lines, respondWith, good, keys } = await setup();
  const other = { kty: "RSA", kid: "weak", n: "AQAB", e: "AQAB" };
  respondWith(good(other));
  assert.equal(await jwks.readState(), "away");
  assert.match(lines.join("\n"), /no usable key: key 0 \(\\*"weak\\*"\) /);
  respondWith(good(keys.first, other));
  for (let at = 0; at < 3; at++) {
    state.now += 61_000;
    await jwks.findKey(named("first"));
    await waitUntil("it is read", () => state.fetches === at + 2, 5_000);
  }
  const reported = lines.filter((line) => /key 1 \(\\*"weak\\*"\) /.test(line));
  assert.equal(reported.length, 1, lines.join("\n"));
});

Deno.test("concurrent readers share one fetch", async () => {
  const { state, jwks } = await setup();
  await Promise.all(Array.from({ length: 20 }, () => jwks.findKey(named("first"))));
  assert.equal(state.fetches, 1);
});

Deno.test("a stale set is used while it is revalidated", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  const held = Promise.withResolvers<Response>();
  respondWith(() => held.promise);
  state.now = 61_000;
  assert.ok(await jwks.findKey(named("first")), "found before the reload ends");
  held.resolve(await good(keys.second)());
  await waitUntil("the set is read", () => jwks.currentKey(named("second")) !== undefined, 10_000);
  assert.equal(jwks.currentKey(named("first")), undefined);
});

Deno.test("a new key is found by its kid once the cooldown is over", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  await jwks.findKey(named("first"));
  respondWith(good(keys.first, keys.second));
  assert.equal(await outcomeOf(jwks.findKey(named("second"))), 30);
  state.now = 30_000;
  assert.ok(await jwks.findKey(named("second")));
});

Deno.test("a reload that never ends does not block later ones", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  respondWith(() => new Promise(() => {}));
  jwks.findKey(named("first")).catch(() => {});
  respondWith(good(keys.first));
  state.now = 13_000;
  assert.ok(await jwks.findKey(named("first")));
});

Deno.test("a clock that is set back does not stop reloads", async () => {
  const { state, jwks, respondWith, good, keys } = await setup();
  state.now = 7_200_000;
  await jwks.findKey(named("first"));
  respondWith(good(keys.second));
  state.now = 3_600_000;
  assert.ok(await jwks.findKey(named("second")));
});

Deno.test("a kid that the configuration names causes a fetch at once, whatever was fetched before", async () => {
  const { state, jwks, keys, good, respondWith } = await setup();
  assert.ok(await jwks.findKey(named("first")));
  assert.equal(await outcomeOf(jwks.findKey(named("second"))), 30);
  respondWith(good(keys.first, keys.second));
  const before = state.fetches;
  assert.equal(jwks.expectKeys(["first"]), undefined);
  await jwks.expectKeys(["first", "second"]);
  assert.equal(state.fetches, before + 1);
  assert.ok(await jwks.findKey(named("second")));
});

const lives: Readonly<
  Record<string, readonly [cacheControl: string | undefined, seconds: number]>
> = {
  "sends no max-age": [undefined, 300],
  "sends a max-age under a second": ["max-age=0", 1],
  "sends a max-age of a minute": ["public, max-age=60", 60],
  "sends a max-age over an hour": ["max-age=999999999", 3_600],
  "sends an invalid max-age": ["max-age=x", 300],
};
for (const [what, [cacheControl, seconds]] of Object.entries(lives)) {
  Deno.test(`the set of an issuer that ${what} is read again after ${seconds} s`, async () => {
    const { state, jwks, respondWith, keys } = await setup();
    const headers: HeadersInit = cacheControl === undefined
      ? {}
      : { "cache-control": cacheControl };
    respondWith(() => Promise.resolve(Response.json({ keys: [keys.first] }, { headers })));
    await jwks.findKey(named("first"));
    state.now = seconds * 1000;
    assert.ok(jwks.currentKey(named("first")));
    assert.equal(state.fetches, 1);
    state.now += 1;
    assert.ok(jwks.currentKey(named("first")));
    assert.equal(state.fetches, 2);
  });
}

Deno.test("an unavailable issuer gets one fetch per cooldown, however many tokens arrive", async () => {
  const { state, jwks, respondWith } = await setup();
  await jwks.findKey(named("first"));
  respondWith(() => Promise.reject(new TypeError("refused")));
  state.now = 61_000;
  for (let times = 1; times <= 3; times++, state.now += 30_000) {
    for (let at = 0; at < 20; at++) assert.ok(jwks.currentKey(named("first")));
    await waitUntil("the reload has failed", () => state.warnings === times, 5_000);
    for (let at = 0; at < 20; at++) assert.ok(await jwks.findKey(named("first")));
    assert.equal(state.fetches, 1 + times);
  }
});

Deno.test("an issuer without any keys gets one fetch a second, from tokens and probes together", async () => {
  const { state, jwks, respondWith } = await setup();
  respondWith(() => Promise.reject(new TypeError("refused")));
  for (let second = 1; second <= 3; second++, state.now += 1_000) {
    for (let at = 0; at < 5; at++) {
      assert.equal(await jwks.readState(), "away");
      await assert.rejects(jwks.findKey(named("first")), { code: "upstream_unavailable" });
    }
    assert.equal(state.fetches, second);
  }
});

Deno.test("[D03] an issuer without a response in time is upstream_unavailable", async () => {
  const { jwks, respondWith } = await setup();
  respondWith((signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const refused = assert.rejects(jwks.findKey(named("first")), { code: "upstream_unavailable" });
  // The signal's own timer does not keep the process alive.
  await within("the time is over", refused);
});
