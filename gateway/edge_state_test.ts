import { createLogger } from "@edgepass/shared/context";
import type { Redis, RedisPipeline } from "@edgepass/shared/redis";
import type { AccessToken } from "@edgepass/shared/tokens";
import assert from "node:assert/strict";
import { createEdgeStateReader, createOpenEdge, followVersion } from "./edge_state.ts";
import { toCounters } from "./rate_limits.ts";
import { refuseRevoked } from "./revocation.ts";
import { createRevocationList } from "./revocation_list.ts";

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
const one = { limit: 9, windowSeconds: 60 };
const [byAddress, byPerson] = toCounters(
  { address: one, person: one },
  { address: "192.0.2.1", sub: "u" },
  0,
);
assert.ok(byAddress && byPerson);

function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

/** A reader over a Redis in memory whose values, and replies, the test controls. */
function setup() {
  const state = {
    values: new Map([["rv:ready", "1"], ["cfg", "7"]]),
    counts: new Map<string, number>(),
    roundTrips: [] as string[][],
    replies: undefined as readonly unknown[] | undefined,
    now: 1_000,
  };
  const redis: Redis = {
    pipeline(build) {
      const [sent, replies]: [string[], unknown[]] = [[], []];
      build(toPipeline({
        mget(...keys: string[]) {
          sent.push(...keys);
          replies.push(keys.map((key) => state.values.get(key) ?? null));
        },
        eval(_script: string, keys: string[]) {
          const current = keys.filter((_key, at) => at % 2 === 0);
          sent.push(...current);
          for (const key of current) state.counts.set(key, (state.counts.get(key) ?? 0) + 1);
          replies.push(current.flatMap((key) => [state.counts.get(key), 0]));
        },
      }));
      state.roundTrips.push(sent);
      state.now += 5;
      return Promise.resolve(state.replies ?? replies);
    },
  };
  const effects = {
    now: () => state.now,
    log: createLogger({ service: "test", sink: () => {} }),
  };
  const list = createRevocationList(undefined, effects);
  return { state, ...createEdgeStateReader({ redis, list, readsVersion: true }, effects) };
}

const keys = ["rv:u:u", "rv:k:k", "rv:j:j", "rv:s:s"];

Deno.test("one round trip reads list, entries and version, and counts; its result never changes", async () => {
  const { state, readEdgeState } = setup();
  state.values.set("rv:u:u", "2");
  const edgeState = await readEdgeState({ token, counters: [byAddress] });
  assert.deepEqual(state.roundTrips, [["rv:ready", ...keys, "cfg", byAddress.key]]);
  assert.deepEqual([...edgeState.entries ?? []], keys.map((key, at) => [key, at ? null : "2"]));
  assert.deepEqual([...edgeState.counts], [[byAddress.key, { current: 1, previous: 0 }]]);
  assert.deepEqual([edgeState.version, edgeState.isReadable], [7, true]);
  assert.equal(edgeState.readAt, 1_000, "the reply is as old as its request");
  assert.ok(Object.isFrozen(edgeState));
});

Deno.test("counters that a newer version adds are incremented once, without a wait", async () => {
  const { state, readEdgeState, incrementDeferred } = setup();
  const edgeState = await readEdgeState({ token, counters: [byAddress] });
  assert.equal(incrementDeferred(edgeState, [byAddress]), edgeState);
  const later = incrementDeferred(edgeState, [byAddress, byPerson]);
  assert.deepEqual(state.roundTrips[1], [byPerson.key]);
  assert.ok(Object.isFrozen(later));
  assert.equal(later.counts, edgeState.counts, "it counts for later requests only");
  assert.equal(incrementDeferred(later, [byPerson]), later);
  assert.ok(!edgeState.incremented.has(byPerson.key), "the first state is as it was");
});

Deno.test("a request that was read without its token is read again, and counted once", async () => {
  const { state, readEdgeState, incrementDeferred } = setup();
  const edge = createOpenEdge(readEdgeState, incrementDeferred)();
  assert.equal(edge.state(), undefined);
  const anonymous = await edge.read({ counters: [byAddress] });
  assert.throws(() => refuseRevoked(token, anonymous), { code: "revocation_unavailable" });
  state.values.set("rv:j:j", "1");
  const edgeState = await edge.read({ token, counters: [byAddress, byPerson] });
  assert.deepEqual(state.roundTrips[1], ["rv:ready", ...keys, "cfg", byPerson.key]);
  assert.deepEqual([...edgeState.counts.keys()], [byAddress.key, byPerson.key]);
  assert.equal(state.counts.get(byAddress.key), 1);
  assert.throws(() => refuseRevoked(token, edgeState), { code: "token_revoked" });
  assert.equal(await edge.read({ token, counters: [byAddress] }), edgeState);
  assert.equal(edge.state(), edgeState);
  assert.equal(state.roundTrips.length, 2);
});

const unusable: Readonly<Record<string, readonly unknown[]>> = {
  "no list": ["1", [1, 0]],
  "a value too few": [["1", null, null, null, null], [1, 0]],
  "a value too many": [["1", null, null, null, null, "7", null], [1, 0]],
  "a number": [["1", 3, null, null, null, "7"], [1, 0]],
};
for (const [what, replies] of Object.entries(unusable)) {
  Deno.test(`a reply with ${what} has no entries and no version, but its counts`, async () => {
    const { state, readEdgeState } = setup();
    state.replies = replies;
    const edgeState = await readEdgeState({ token, counters: [byAddress] });
    assert.deepEqual([edgeState.isReadable, edgeState.version], [false, undefined]);
    assert.throws(() => refuseRevoked(token, edgeState), { code: "revocation_unavailable" });
    assert.deepEqual([...edgeState.counts.values()], [{ current: 1, previous: 0 }]);
  });
}

Deno.test("a version is loaded before its reader continues, and only one that was read", async () => {
  const { state, readEdgeState } = setup();
  const observed: unknown[] = [];
  const read = followVersion(readEdgeState, {
    async observeVersion(version) {
      await Promise.resolve();
      observed.push(version);
    },
  });
  await read({ token });
  assert.deepEqual(observed, [7]);
  state.values.delete("cfg");
  await read({ token });
  assert.deepEqual(observed, [7, undefined]);
  state.replies = ["1"];
  await read({ token });
  assert.equal(observed.length, 2);
});
