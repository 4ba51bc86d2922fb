import type { RateLimits } from "@edgepass/shared/configuration";
import fc from "fast-check";
import assert from "node:assert/strict";
import type { Caller } from "./credentials.ts";
import {
  createLocalCounter,
  createRateLimiter,
  evaluateLimit,
  rateLimitHeaders,
  readCounts,
  toCounters,
} from "./rate_limits.ts";

const limits: RateLimits = {
  address: { limit: 100, windowSeconds: 60 },
  person: { limit: 10, windowSeconds: 60 },
  routes: { "/courses": { limit: 3, windowSeconds: 10 } },
};

const callers = {
  "an authenticated caller on a route with its own limit": [
    { address: "192.0.2.1", sub: "p", route: "/courses" },
    ["rl:address:192.0.2.1:60:1", "rl:person:p:60:1", "rl:route:/courses p:10:6"],
  ],
  "an anonymous caller on a route with its own limit": [
    { address: "2001:DB8::1:2:3:4", route: "/courses" },
    ["rl:address:2001:db8:0:0::/64:60:1", "rl:route:/courses 2001:db8:0:0::/64:10:6"],
  ],
  "an authenticated caller on another route": [
    { address: undefined, sub: "p", route: "/users/me" },
    ["rl:address:unknown:60:1", "rl:person:p:60:1"],
  ],
} as const;
for (const [who, [caller, keys]] of Object.entries(callers)) {
  Deno.test(`the limits that apply to ${who}`, () => {
    assert.deepEqual(toCounters(limits, caller, 60_000).map(({ key }) => key), keys);
  });
}

Deno.test("one network is one caller, however its address is spelled [H01]", () => {
  const key = (address: string) => toCounters(limits, { address }, 0)[0]?.key;
  assert.equal(key("2001:db8::1"), key("2001:DB8:0:0:ffff::2"));
  assert.equal(key("::ffff:192.0.2.1"), key("192.0.2.1"));
});

const anyLimit = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  windowSeconds: fc.integer({ min: 1, max: 100 }),
});
const anyTimes = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 });

/** One caller's requests, evaluated one after the other; `waits` are milliseconds in between. */
function createCaller(limit: { limit: number; windowSeconds: number }) {
  const count = createLocalCounter();
  let now = 1_700_000_000_000;
  return {
    wait: (ms: number) => now += ms,
    send() {
      const [counter] = toCounters({ person: limit }, { address: undefined, sub: "p" }, now);
      assert.ok(counter);
      return { now, window: counter.key, ...evaluateLimit(counter, count(counter), now) };
    },
  };
}

Deno.test("no window allows more requests than the limit", () => {
  fc.assert(fc.property(anyLimit, anyTimes, (limit, waits) => {
    const caller = createCaller(limit);
    const allowed = new Map<string, number>();
    for (const ms of waits) {
      caller.wait(ms);
      const { window, isAllowed } = caller.send();
      if (isAllowed) allowed.set(window, (allowed.get(window) ?? 0) + 1);
    }
    for (const count of allowed.values()) assert.ok(count <= limit.limit);
  }));
});

Deno.test("exactly the remaining number of requests is allowed at the same moment", () => {
  fc.assert(fc.property(anyLimit, anyTimes, (limit, waits) => {
    const caller = createCaller(limit);
    for (const ms of waits) {
      caller.wait(ms);
      caller.send();
    }
    const { remaining } = caller.send();
    for (let left = remaining; left > 0; left--) assert.ok(caller.send().isAllowed);
    assert.ok(!caller.send().isAllowed);
  }));
});

Deno.test("a client that waits for Retry-After is allowed", () => {
  fc.assert(fc.property(anyLimit, anyTimes, (limit, waits) => {
    const caller = createCaller(limit);
    for (const ms of waits) {
      caller.wait(ms);
      caller.send();
    }
    const { retryAfterSeconds } = caller.send();
    assert.ok(retryAfterSeconds <= 2 * limit.windowSeconds);
    caller.wait(retryAfterSeconds * 1000);
    assert.ok(caller.send().isAllowed);
  }));
});

Deno.test("a client that floods one window and then pauses for one is allowed again", () => {
  const caller = createCaller({ limit: 5, windowSeconds: 10 });
  for (let at = 0; at < 1000; at++) {
    caller.send();
    caller.wait(10);
  }
  caller.wait(10_000);
  assert.ok(caller.send().isAllowed);
});

Deno.test("an instance evicts its oldest counters and keeps new ones", () => {
  const count = createLocalCounter({ maxCounters: 2 });
  const of = (sub: string) =>
    toCounters({ person: { limit: 9, windowSeconds: 1 } }, { address: undefined, sub }, 0);
  const countOf = (sub: string) => of(sub).map(count)[0]?.current;
  assert.deepEqual(["a", "b", "b", "c", "b", "a"].map(countOf), [1, 1, 2, 1, 3, 1]);
});

const replies = {
  "two counters": [["1", 0, 7, "3"], 2, [{ current: 1, previous: 0 }, { current: 7, previous: 3 }]],
  "too few": [[1], 1, undefined],
  "too many": [[1, 2, 3, 4], 1, undefined],
  "no numbers": [["OK", null], 1, undefined],
  "a negative count": [[-1, 0], 1, undefined],
  "no list": ["1", 1, undefined],
  "nothing": [null, 1, undefined],
} as const;
for (const [what, [reply, expected, counted]] of Object.entries(replies)) {
  Deno.test(`the counts of a reply with ${what}`, () => {
    assert.deepEqual(readCounts(reply, expected), counted);
  });
}

Deno.test("the header fields have each limit with its remaining requests", () => {
  const now = 1_700_000_000_000;
  const counters = toCounters(limits, { address: "192.0.2.1", sub: "p" }, now);
  const verdicts = counters.map((one) => evaluateLimit(one, { current: 4, previous: 0 }, now));
  assert.deepEqual(Object.fromEntries(rateLimitHeaders(verdicts)), {
    "ratelimit-policy": '"address";q=100;w=60, "person";q=10;w=60',
    "ratelimit": '"address";r=96;t=40, "person";r=6;t=40',
  });
  assert.deepEqual(rateLimitHeaders([]), []);
});

const one = { limit: 1, windowSeconds: 60 };
const route = { path: "/a", rateLimited: true } as const;
const address = "192.0.2.1";

function callerOf(sub: string, alias?: string): Caller {
  const token = {
    iss: "i",
    kid: "k",
    kind: "user",
    sub,
    iat: 0,
    exp: 1,
    roles: [],
    scope: "",
  } as const;
  return alias === undefined ? token : { ...token, alias };
}

/** Whether a caller's request, after those of the others, is within a limit of one request. */
function setup(limits: Parameters<ReturnType<typeof createRateLimiter>["countersOf"]>[0]) {
  const limiter = createRateLimiter({ now: () => 60_000 });
  return (caller: Caller, from: string = address) => {
    const counters = limiter.countersOf(limits, { address: from, caller, route });
    return limiter.evaluateLimits(counters).every(({ isAllowed }) => isAllowed);
  };
}

const people: readonly Caller[] = [
  callerOf("7"),
  callerOf("7", "idp"),
  callerOf("7", "idp2"),
  callerOf("idp2:7", "idp"),
  callerOf("idp", "idp"),
];

for (const whom of ["person", "route"] as const) {
  Deno.test(`one subject at several issuers is several callers to the limit by ${whom}`, () => {
    const isAllowed = setup(whom === "person" ? { person: one } : { routes: { "/a": one } });
    for (const person of people) assert.ok(isAllowed(person), JSON.stringify(person));
    for (const person of people) assert.ok(!isAllowed(person), JSON.stringify(person));
  });
}

Deno.test("an anonymous caller is counted by network, and an authenticated one is not", () => {
  const isAllowed = setup({ routes: { "/a": one } });
  assert.ok(isAllowed("anonymous", "192.0.2.1"));
  assert.ok(!isAllowed("anonymous", "192.0.2.1"));
  assert.ok(isAllowed("anonymous", "192.0.2.2"));
  assert.ok(isAllowed(callerOf("192.0.2.1", "idp")));
});

Deno.test("the local counts of a network are separate from the other local counts", () => {
  const limiter = createRateLimiter({ now: () => 60_000 });
  limiter.limitByAddressLocally(one, address);
  assert.throws(() => limiter.limitByAddressLocally(one, address), { code: "rate_limited" });
  limiter.limitByAddressLocally(one, "192.0.2.2");
  limiter.limitByAddressLocally(undefined, address);
  const counters = limiter.countersOf({ address: one }, { address, caller: "anonymous", route });
  assert.deepEqual(limiter.evaluateLimits(counters).map(({ isAllowed }) => isAllowed), [true]);
});
