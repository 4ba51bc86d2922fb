import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/log";
import { waitUntil } from "../tests/support/wait.ts";
import { createJwksKeys } from "./jwks_keys.ts";

async function makeJwk(kid: string) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("publicKey" in pair)) throw new TypeError("Cannot use a key that is no pair");
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kid, kty, crv, x, alg: "EdDSA", use: "sig" };
}

/** An issuer whose answers and clock the test decides. */
async function setup() {
  const state = { now: 0, fetches: 0, complaints: 0 };
  const keys = { first: await makeJwk("first"), second: await makeJwk("second") };
  const good = (...set: object[]) => () =>
    Promise.resolve(Response.json({ keys: set }, { headers: { "cache-control": "max-age=60" } }));
  let respond: () => Promise<Response> = good(keys.first);
  const jwks = createJwksKeys({
    iss: "https://idp.test",
    jwks: () => {
      state.fetches++;
      return respond();
    },
    algorithms: ["EdDSA"],
    now: () => state.now,
    log: createLogger({ service: "test", sink: () => void state.complaints++ }),
  });
  return { state, jwks, keys, good, answer: (next: () => Promise<Response>) => respond = next };
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
  "answers more than 256 KiB": () =>
    Promise.resolve(Response.json({ keys: [], padding: "x".repeat(300_000) })),
};

for (const [what, fault] of Object.entries(faults)) {
  Deno.test(`[D03, F52] an issuer that ${what} keeps its last good keys for a day`, async () => {
    const { state, jwks, answer } = await setup();
    assert.ok(await jwks.find("first"));
    answer(fault);
    for (const [at, hours] of [1, 12, 24, 47].entries()) {
      state.now = hours * 3_600_000;
      assert.ok(await jwks.find("first"), `after ${hours} h`);
      await waitUntil("the reload has failed", () => state.complaints === at + 1, 10_000);
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
