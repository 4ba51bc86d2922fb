import { createLogger } from "@edgepass/shared/context";
import type { AccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { createEdgeStateReader } from "./edge_state.ts";
import { createCheckRevocation, refuseRevoked } from "./revocation.ts";
import { createRevocationList, type Rebuild } from "./revocation_list.ts";
import type { RevocationMode } from "./routes.ts";

const token: AccessToken = {
  iss: "i",
  kid: "k",
  kind: "user",
  sub: "u",
  iat: 0,
  exp: 600,
  jti: "j",
  sid: "s",
  uv: 3,
  roles: [],
  scope: "",
};

const nothing = [null, null, null, null];

/**
 * A revocation check on a clock and a Redis that the test controls; `entries` follow `rv:ready`.
 */
function setup({ rebuild }: { rebuild?: Rebuild } = {}) {
  const state = {
    now: 1_000_000,
    ready: "1" as string | null,
    entries: nothing as readonly unknown[],
    isDown: false,
    reads: 0,
  };
  let beforeReply = (): void => {};
  const redis = {
    pipeline: () => {
      state.reads++;
      const reply = [[state.ready, ...state.entries]];
      beforeReply();
      return state.isDown ? Promise.reject(new Error("down")) : Promise.resolve(reply);
    },
  };
  const effects = {
    now: () => state.now,
    log: createLogger({ service: "test", sink: () => {} }),
  };
  const list = createRevocationList(rebuild, effects);
  const { readEdgeState } = createEdgeStateReader({ redis, list, readsVersion: false }, effects);
  const checkRevocation = createCheckRevocation(effects);
  return {
    state,
    check: (of: AccessToken, mode: RevocationMode) =>
      checkRevocation(of, mode, () => readEdgeState({ token: of })),
    readEntries: async () => (await readEdgeState({})).entries,
    duringReply: (act: () => void) => beforeReply = act,
  };
}

const bounded = { boundedMs: 1000 };

Deno.test("a bounded check is valid up to its maximum age and not a millisecond longer", async () => {
  const { state, check } = setup();
  await check(token, bounded);
  state.isDown = true;
  state.now += 1000;
  await check(token, bounded);
  state.now += 1;
  await assert.rejects(check(token, bounded), { code: "revocation_unavailable" });
});

Deno.test("the age of a bounded check counts from its request to Redis", async () => {
  const { state, check, duringReply } = setup();
  duringReply(() => state.now += 600);
  await check(token, bounded);
  duringReply(() => {});
  state.isDown = true;
  state.now += 500;
  await assert.rejects(check(token, bounded), { code: "revocation_unavailable" });
});

Deno.test("a bounded check is valid for its own token only, whatever the tokens of a subject share", async () => {
  const { state, check } = setup();
  const [older, newer] = [100, 200].map((iat): AccessToken => {
    const { uv: _uv, jti: _jti, sid: _sid, ...external } = token;
    return { ...external, alias: "idp", iat };
  });
  assert.ok(older && newer);
  // Only subject and key have entries for such tokens; this minimum refuses those issued before
  // 150.
  state.entries = ["150", null];
  await check(newer, bounded);
  assert.equal(await check(newer, bounded), "fresh");
  await assert.rejects(check(older, bounded), { code: "token_revoked" });
});

const others: Readonly<Record<string, Partial<AccessToken>>> = {
  "another subject": { sub: "u2" },
  "another token": { jti: "j2" },
  "another login": { sid: "s2" },
  "another key": { kid: "k2" },
  "another issuer": { alias: "idp" },
  "a tenant's subject of another issuer": { alias: "idp", tenant: "t", hasTenantInNames: true },
  "another version of the account": { uv: 2 },
};
for (const [whose, change] of Object.entries(others)) {
  Deno.test(`a bounded check does not apply to ${whose}`, async () => {
    const { state, check } = setup();
    await check(token, bounded);
    assert.equal(await check(token, bounded), "fresh");
    const before = state.reads;
    await check({ ...token, ...change }, bounded);
    assert.equal(state.reads, before + 1);
  });
}

Deno.test("a bounded check of one tenant does not apply to another tenant, and to no other claim", async () => {
  const { state, check } = setup();
  const of = (tenant: string): AccessToken => ({
    ...token,
    alias: "idp",
    tenant,
    hasTenantInNames: true,
  });
  await check(of("t-1"), bounded);
  assert.equal(await check(of("t-1"), bounded), "fresh");
  const before = state.reads;
  await check(of("t-2"), bounded);
  assert.equal(state.reads, before + 1);
  // A tenant that no template names is only a claim: the names are the issuer's.
  const { hasTenantInNames: _, ...mapped } = of("t-1");
  await check(mapped, bounded);
  assert.equal(await check({ ...mapped, tenant: "t-2" }, bounded), "fresh");
});

Deno.test("each minimum of the subject revokes a token without iat, whatever its value", async () => {
  const { state, check } = setup();
  const { uv: _uv, iat: _iat, jti: _jti, sid: _sid, ...external } = token;
  const bare = { ...external, alias: "idp" };
  state.entries = [null, null];
  await check(bare, "strict");
  for (const minimum of ["0", "1", "999999999999999"]) {
    state.entries = [minimum, null];
    const refusal = { code: "token_revoked", reason: "revoked:subject" };
    await assert.rejects(check(bare, "strict"), refusal);
  }
});

Deno.test("an instance stores at most 10000 bounded checks and evicts the oldest first", async () => {
  const { state, check } = setup();
  for (let at = 0; at <= 10_000; at++) {
    await check({ ...token, jti: String(at) }, bounded);
  }
  const before = state.reads;
  assert.equal(await check({ ...token, jti: "10000" }, bounded), "fresh");
  assert.equal(await check({ ...token, jti: "1" }, bounded), "fresh");
  assert.equal(state.reads, before);
  await check({ ...token, jti: "0" }, bounded);
  assert.equal(state.reads, before + 1, "the first was evicted");
});

Deno.test("a failed check invalidates the stored one", async () => {
  const { state, check } = setup();
  await check(token, bounded);
  state.now += 1_001;
  state.isDown = true;
  await assert.rejects(check(token, bounded), { code: "revocation_unavailable" });
  // This would be within the bound of the first check, if it were still stored.
  state.now -= 500;
  await assert.rejects(check(token, bounded), { code: "revocation_unavailable" });
});

Deno.test("a clock that is set back makes no check fresh", async () => {
  const { state, check } = setup();
  await check(token, bounded);
  state.now -= 3_600_000;
  state.entries = [null, null, "1", null];
  await assert.rejects(check(token, bounded), { code: "token_revoked" });
});

Deno.test("the rebuild of an emptied list is requested once a second, whatever the clock does", async () => {
  let rebuilds = 0;
  const { state, check, readEntries } = setup({
    rebuild: () => Promise.resolve((rebuilds++, undefined)),
  });
  state.ready = null;
  const checkFails = () =>
    assert.rejects(check(token, "strict"), { code: "revocation_unavailable" });
  await checkFails();
  await checkFails();
  assert.equal(rebuilds, 1);
  state.now += 1000;
  await checkFails();
  assert.equal(rebuilds, 2);
  state.now -= 3_600_000;
  await checkFails();
  assert.equal(rebuilds, 3);
  assert.equal(await readEntries(), undefined);
});

Deno.test("while a rebuild is under way no other one is requested, however long it takes", async () => {
  let rebuilds = 0;
  const ends: (() => void)[] = [];
  const rebuild = () => {
    rebuilds++;
    return new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)));
  };
  const { state, check } = setup({ rebuild });
  state.ready = null;
  const checkFails = () =>
    assert.rejects(check(token, "strict"), { code: "revocation_unavailable" });
  for (let second = 0; second < 5; second++) {
    await checkFails();
    state.now += 1000;
  }
  assert.equal(rebuilds, 1);
  ends[0]?.();
  await new Promise((resolve) => setTimeout(resolve));
  await checkFails();
  assert.equal(rebuilds, 2);
});

type Reply = [entries: readonly unknown[], code: string | undefined, reason?: string];
const replies: Readonly<Record<string, Reply>> = {
  "nothing": [nothing, undefined],
  "the token's entry": [[null, null, "1", null], "token_revoked", "revoked:token"],
  "the login's entry": [[null, null, null, ""], "token_revoked", "revoked:login"],
  "the key's entry": [[null, "0", null, null], "token_revoked", "revoked:key"],
  "entries of key and token": [[null, "1", "1", null], "token_revoked", "revoked:key"],
  "a minimum above the version": [["4", null, null, null], "token_revoked", "revoked:subject"],
  "a minimum at the version": [["3", null, null, null], undefined],
  "a minimum that is no number": [["x", null, null, null], "revocation_unavailable"],
  "a negative minimum": [["-1", null, null, null], "revocation_unavailable"],
  "an invalid minimum beside an entry": [["x", null, "1", null], "token_revoked", "revoked:token"],
  "a number": [[3, null, null, null], "revocation_unavailable"],
  "undefined": [[undefined, null, null, null], "revocation_unavailable"],
  "a list": [[null, ["1"], null, null], "revocation_unavailable"],
  "a value too few": [[null, null, null], "revocation_unavailable"],
  "a value too many": [[...nothing, null], "revocation_unavailable"],
};

for (const [what, [entries, code, reason]] of Object.entries(replies)) {
  Deno.test(`a reply with ${what} is ${code ?? "not revoked"}`, async () => {
    const { state, check } = setup();
    state.entries = entries;
    const checked = check(token, "strict");
    if (code === undefined) await checked;
    else await assert.rejects(checked, { code, reason });
  });
}

Deno.test("an entry that was not read is revocation_unavailable, whichever it is", () => {
  const keys = ["rv:u:u", "rv:k:k", "rv:j:j", "rv:s:s"];
  const readAll = new Map(keys.map((key) => [key, null]));
  refuseRevoked(token, { entries: readAll, readAt: 0 });
  for (const missing of keys) {
    const entries = new Map(readAll);
    entries.delete(missing);
    assert.throws(() => refuseRevoked(token, { entries, readAt: 0 }), {
      code: "revocation_unavailable",
    });
  }
});
