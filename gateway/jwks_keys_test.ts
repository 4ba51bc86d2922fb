import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/log";
import { waitUntil, within } from "../tests/support/wait.ts";
import { createJwksKeys } from "./jwks_keys.ts";

async function makeJwk(kid: string) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("publicKey" in pair)) throw new TypeError("Cannot use a key that is no pair");
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kid, kty, crv, x, alg: "EdDSA", use: "sig" };
}

type Answer = (signal: AbortSignal) => Promise<Response>;

/** An issuer whose answers and clock the test decides. */
async function setup() {
  const state = { now: 0, fetches: 0, complaints: 0 };
  const keys = { first: await makeJwk("first"), second: await makeJwk("second") };
  const good = (...set: object[]) => () =>
    Promise.resolve(Response.json({ keys: set }, { headers: { "cache-control": "max-age=60" } }));
  let respond: Answer = good(keys.first);
  const jwks = createJwksKeys({
    iss: "https://idp.test",
    jwks: (signal) => {
      state.fetches++;
      return respond(signal);
    },
    algorithms: ["EdDSA"],
    now: () => state.now,
    log: createLogger({ service: "test", sink: () => void state.complaints++ }),
  });
  return { state, jwks, keys, good, answer: (next: Answer) => respond = next };
}

const faults: Readonly<Record<string, () => Promise<Response>>> = {
  "refuses": () => Promise.reject(new TypeError("refused")),
  "answers 500": () => Promise.resolve(new Response("no", { status: 500 })),
  "answers a redirect": () =>
    Promise.resolve(new Response(null, { status: 302, headers: { location: "/x" } })),
  "answers HTML": () => Promise.resolve(new Response("<html>")),
  "answers an empty set": () => Promise.resolve(Response.json({ keys: [] })),
  "answers no set": () => Promise.resolve(Response.json([])),
  "answers only secret keys": () =>
    Promise.resolve(Response.json({ keys: [{ kid: "first", kty: "oct", k: "AAAA" }] })),
  "answers more than 256 KiB": async () =>
    Response.json({ keys: [await makeJwk("large")], padding: "x".repeat(300_000) }),
};

for (const [what, fault] of Object.entries(faults)) {
  Deno.test(`[D03, F52] an issuer that ${what} keeps its last good keys for a day`, async () => {
    const { state, jwks, answer } = await setup();
    assert.ok(await jwks.find("first"));
    answer(fault);
    for (const [at, hours] of [1, 12, 24, 47].entries()) {
      state.now = hours * 3_600_000;
      assert.ok(await jwks.find("first"), `after ${hours} h`);
      await waitUntil("the reload has failed", () => state.complaints === at + 1, 5_000);
    }
    assert.equal(await jwks.isReady(), true);
  });

  Deno.test(`[D03] an issuer that ${what} from the beginning is upstream_unavailable`, async () => {
    const { state, jwks, answer, good, keys } = await setup();
    answer(fault);
    await assert.rejects(jwks.find("first"), { code: "upstream_unavailable" });
    assert.equal(await jwks.isReady(), false);
    answer(good(keys.first));
    state.now += 1000;
    assert.equal(await jwks.isReady(), true);
    assert.ok(await jwks.find("first"));
  });
}

Deno.test("keys older than two days are not trusted, and that is no fault of the token's", async () => {
  const { state, jwks, answer } = await setup();
  await jwks.find("first");
  answer(faults["refuses"]!);
  state.now = 49 * 3_600_000;
  await assert.rejects(jwks.find("first"), { code: "upstream_unavailable" });
  assert.equal(await jwks.isReady(), false);
});

Deno.test("[I11] unknown kids cause one fetch in 30 s", async () => {
  const { state, jwks } = await setup();
  await jwks.find("first");
  for (let second = 1; second < 90; second++) {
    state.now = second * 1000;
    await Promise.all(["a", "b", "c"].map((kid) => jwks.find(`${kid}${second}`)));
  }
  assert.ok(state.fetches <= 4, String(state.fetches));
});

Deno.test("readers that come at once share one fetch", async () => {
  const { state, jwks } = await setup();
  await Promise.all(Array.from({ length: 20 }, () => jwks.find("first")));
  assert.equal(state.fetches, 1);
});

Deno.test("a stale set serves while it is read again", async () => {
  const { state, jwks, answer, good, keys } = await setup();
  await jwks.find("first");
  const held = Promise.withResolvers<Response>();
  answer(() => held.promise);
  state.now = 61_000;
  assert.ok(await jwks.find("first"), "served before the reload is back");
  held.resolve(await good(keys.second)());
  await waitUntil("the set is read", () => jwks.current("second") !== undefined, 10_000);
  assert.equal(jwks.current("first"), undefined);
});

Deno.test("a new key is found by its kid once the cooldown is over", async () => {
  const { state, jwks, answer, good, keys } = await setup();
  await jwks.find("first");
  answer(good(keys.first, keys.second));
  assert.equal(await jwks.find("second"), undefined);
  state.now = 30_000;
  assert.ok(await jwks.find("second"));
});

Deno.test("a reload that never ends does not hold up the ones after it", async () => {
  const { state, jwks, answer, good, keys } = await setup();
  answer(() => new Promise(() => {}));
  jwks.find("first").catch(() => {});
  answer(good(keys.first));
  state.now = 5_000;
  assert.ok(await jwks.find("first"));
});

Deno.test("a clock that is set back does not stop reloads", async () => {
  const { state, jwks, answer, good, keys } = await setup();
  state.now = 7_200_000;
  await jwks.find("first");
  answer(good(keys.second));
  state.now = 3_600_000;
  assert.ok(await jwks.find("second"));
});

Deno.test("a kid that the configuration names is asked for at once, whatever was asked before", async () => {
  const { state, jwks, keys, good, answer } = await setup();
  assert.ok(await jwks.find("first"));
  assert.equal(await jwks.find("second"), undefined);
  answer(good(keys.first, keys.second));
  const before = state.fetches;
  assert.equal(jwks.expect(["first"]), undefined);
  await jwks.expect(["first", "second"]);
  assert.equal(state.fetches, before + 1);
  assert.ok(await jwks.find("second"));
});

const lives: Readonly<
  Record<string, readonly [cacheControl: string | undefined, seconds: number]>
> = {
  "says nothing of it": [undefined, 300],
  "wants it shorter than a second": ["max-age=0", 1],
  "says a minute": ["public, max-age=60", 60],
  "wants it longer than an hour": ["max-age=999999999", 3_600],
  "says nonsense": ["max-age=x", 300],
};
for (const [what, [cacheControl, seconds]] of Object.entries(lives)) {
  Deno.test(`the set of an issuer that ${what} is read again after ${seconds} s`, async () => {
    const { state, jwks, answer, keys } = await setup();
    const headers: HeadersInit = cacheControl === undefined
      ? {}
      : { "cache-control": cacheControl };
    answer(() => Promise.resolve(Response.json({ keys: [keys.first] }, { headers })));
    await jwks.find("first");
    state.now = seconds * 1000;
    assert.ok(jwks.current("first"));
    assert.equal(state.fetches, 1);
    state.now += 1;
    assert.ok(jwks.current("first"));
    assert.equal(state.fetches, 2);
  });
}

Deno.test("an issuer that is away is asked again once in a while, however many tokens come", async () => {
  const { state, jwks, answer } = await setup();
  await jwks.find("first");
  answer(() => Promise.reject(new TypeError("refused")));
  state.now = 61_000;
  for (let times = 1; times <= 3; times++, state.now += 30_000) {
    for (let at = 0; at < 20; at++) assert.ok(jwks.current("first"));
    await waitUntil("the reload has failed", () => state.complaints === times, 5_000);
    for (let at = 0; at < 20; at++) assert.ok(await jwks.find("first"));
    assert.equal(state.fetches, 1 + times);
  }
});

Deno.test("an issuer without any keys is asked once a second, by tokens and by probes", async () => {
  const { state, jwks, answer } = await setup();
  answer(() => Promise.reject(new TypeError("refused")));
  for (let second = 1; second <= 3; second++, state.now += 1_000) {
    for (let at = 0; at < 5; at++) {
      assert.equal(await jwks.isReady(), false);
      await assert.rejects(jwks.find("first"), { code: "upstream_unavailable" });
    }
    assert.equal(state.fetches, second);
  }
});

Deno.test("[D03] an issuer that does not answer in time is upstream_unavailable", async () => {
  const { jwks, answer } = await setup();
  answer((signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const refused = assert.rejects(jwks.find("first"), { code: "upstream_unavailable" });
  // The signal's own timer does not keep the process alive.
  await within("the time is over", refused);
});
