import assert from "node:assert/strict";
import type { Caller } from "./identify.ts";
import { createRateLimiter } from "./rate_limiter.ts";

const limit = { limit: 1, windowSeconds: 60 };
const route = { path: "/a", rateLimited: true } as const;
const address = "192.0.2.1";

function callerOf(sub: string, alias?: string): Caller {
  const token = { iss: "i", kid: "k", sub, iat: 0, exp: 1, roles: [], scope: "" };
  return alias === undefined ? token : { ...token, alias };
}

/** Whether a caller's request, after those of the others, is within a limit of one request. */
function setup(limits: Parameters<ReturnType<typeof createRateLimiter>["countersOf"]>[0]) {
  const limiter = createRateLimiter({ now: () => 60_000 });
  return (caller: Caller, from: string = address) => {
    const counters = limiter.countersOf(limits, { address: from, caller, route });
    return limiter.evaluateLimits(counters, {}).every(({ isAllowed }) => isAllowed);
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
    const isAllowed = setup(whom === "person" ? { person: limit } : { routes: { "/a": limit } });
    for (const person of people) assert.ok(isAllowed(person), JSON.stringify(person));
    for (const person of people) assert.ok(!isAllowed(person), JSON.stringify(person));
  });
}

Deno.test("an anonymous caller is counted by network, and an authenticated one is not", () => {
  const isAllowed = setup({ routes: { "/a": limit } });
  assert.ok(isAllowed("anonymous", "192.0.2.1"));
  assert.ok(!isAllowed("anonymous", "192.0.2.1"));
  assert.ok(isAllowed("anonymous", "192.0.2.2"));
  assert.ok(isAllowed(callerOf("192.0.2.1", "idp")));
});

Deno.test("the local counts of a network are separate from the other local counts", () => {
  const limiter = createRateLimiter({ now: () => 60_000 });
  limiter.limitByAddressLocally(limit, address);
  assert.throws(() => limiter.limitByAddressLocally(limit, address), { code: "rate_limited" });
  limiter.limitByAddressLocally(limit, "192.0.2.2");
  limiter.limitByAddressLocally(undefined, address);
  const counters = limiter.countersOf({ address: limit }, { address, caller: "anonymous", route });
  assert.deepEqual(limiter.evaluateLimits(counters, {}).map(({ isAllowed }) => isAllowed), [true]);
});
