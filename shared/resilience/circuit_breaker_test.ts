import assert from "node:assert/strict";
import fc from "fast-check";
import { bucketsPerWindow } from "./call_window.ts";
import { type BreakerState, createCircuitBreaker, type Permit } from "./circuit_breaker.ts";
import { type BreakerPolicy, defaultPolicy, toBreakerPolicy } from "./policy.ts";
import { createTestClock } from "../../tests/support/test_clock.ts";

const rules = toBreakerPolicy(defaultPolicy);

function setup(policy: Partial<BreakerPolicy> = {}) {
  const clock = createTestClock();
  const transitions: BreakerState[] = [];
  const inForce = { ...rules, ...policy };
  const breaker = createCircuitBreaker({
    policy: () => inForce,
    now: clock.now,
    onTransition: (to) => transitions.push(to),
  });
  const allowed = (): Permit => {
    const permit = breaker.acquire();
    assert.ok(permit.allowed);
    return permit;
  };
  const isRefused = () => !breaker.acquire().allowed;
  const open = () => {
    while (breaker.state() === "closed") allowed().fail();
  };
  return { allowed, breaker, clock, inForce, isRefused, open, transitions };
}

Deno.test("a breaker opens at the failure rate, and not below the minimum of calls", () => {
  const { allowed, breaker } = setup({ minimumCalls: 4, failureRatePercent: 50 });
  for (const end of ["succeed", "fail", "fail"] as const) allowed()[end]();
  assert.equal(breaker.state(), "closed");
  allowed().succeed();
  assert.equal(breaker.state(), "open");
});

Deno.test("calls that left the window no longer count", () => {
  const { allowed, breaker, clock } = setup({ minimumCalls: 4 });
  for (let call = 0; call < 3; call++) allowed().fail();
  clock.advance(rules.windowMs);
  allowed().fail();
  assert.equal(breaker.state(), "closed");
});

Deno.test("an open breaker reports when it probes, and then admits one call", () => {
  const { allowed, breaker, clock, isRefused, open } = setup();
  open();
  clock.advance(rules.openMs - 250);
  const refusal = breaker.acquire();
  assert.ok(!refusal.allowed && refusal.retryAfterMs === 250);
  clock.advance(250);
  const probe = allowed();
  assert.ok(isRefused(), "no other call is admitted, and none waits");
  probe.succeed();
  assert.equal(breaker.state(), "closed");
});

const unhealthy: Record<string, (probe: Permit, waitMs: (ms: number) => void) => void> = {
  "fails": (probe) => probe.fail(),
  "succeeds too late": (probe, wait) => {
    wait(rules.slowCallMs);
    probe.succeed();
  },
};
for (const [what, end] of Object.entries(unhealthy)) {
  Deno.test(`a probe that ${what} opens it again for openMs`, () => {
    const { allowed, breaker, clock, isRefused, open } = setup({ openMs: 5_000 });
    open();
    clock.advance(5_000);
    end(allowed(), clock.advance);
    assert.equal(breaker.state(), "open");
    clock.advance(4_999);
    assert.ok(isRefused());
  });
}

Deno.test("a probe that was stopped with its isolate is followed by another after openMs, and not before", () => {
  const { allowed, breaker, clock, isRefused, open } = setup();
  open();
  clock.advance(rules.openMs);
  allowed();
  clock.advance(rules.openMs - 1);
  assert.ok(isRefused());
  clock.advance(1);
  allowed().succeed();
  assert.equal(breaker.state(), "closed");
});

Deno.test("[D05] a probe that was cancelled makes way for the next call", () => {
  const { allowed, breaker, clock, isRefused, open } = setup();
  open();
  clock.advance(rules.openMs);
  const left = allowed();
  assert.ok(isRefused());
  left.cancel();
  left.cancel();
  const honest = allowed();
  assert.ok(isRefused(), "one place, however often it is given back");
  honest.succeed();
  assert.equal(breaker.state(), "closed");
});

Deno.test("[F31] a flood of cancelled probes is bounded in each openMs", () => {
  const { breaker, clock, open } = setup();
  open();
  for (let period = 0; period < 3; period++) {
    clock.advance(rules.openMs);
    let begun = 0;
    for (let call = 0; call < 100; call++) {
      const permit = breaker.acquire();
      if (!permit.allowed) continue;
      begun++;
      permit.cancel();
    }
    assert.equal(begun, 11, `period ${period}`);
  }
});

Deno.test("[F31] a probe of an earlier openMs that is cancelled makes no way for another", () => {
  const { allowed, clock, isRefused, open } = setup();
  open();
  clock.advance(rules.openMs);
  const hanging = allowed();
  clock.advance(rules.openMs);
  allowed();
  hanging.cancel();
  assert.ok(isRefused());
});

Deno.test("it closes when the permitted number of probes has succeeded", () => {
  const { allowed, breaker, clock, isRefused, open } = setup({ permittedHalfOpenCalls: 2 });
  open();
  clock.advance(rules.openMs);
  allowed().succeed();
  const second = allowed();
  assert.ok(isRefused());
  assert.equal(breaker.state(), "half_open");
  second.succeed();
  assert.equal(breaker.state(), "closed");
});

Deno.test("calls that hang open it while they still hang, and do not count afterwards", () => {
  const { allowed, breaker, clock, isRefused, transitions } = setup({ minimumCalls: 3 });
  const hanging = [allowed(), allowed(), allowed()];
  clock.advance(rules.slowCallMs);
  assert.ok(isRefused());
  for (const permit of hanging) permit.succeed();
  assert.equal(breaker.state(), "open");
  assert.deepEqual(transitions, ["open"]);
});

Deno.test("an upload is never slow: its duration depends on its sender", () => {
  const { breaker, clock } = setup({ minimumCalls: 1 });
  const upload = breaker.acquire({ timed: false });
  clock.advance(10 * rules.slowCallMs);
  assert.ok(breaker.acquire().allowed && upload.allowed);
  upload.succeed();
  assert.equal(breaker.state(), "closed");
});

Deno.test("a call that ends after the breaker has opened and closed in between does not count", () => {
  const { allowed, breaker, clock, open } = setup({ minimumCalls: 1 });
  const early = allowed();
  open();
  clock.advance(rules.openMs);
  allowed().succeed();
  early.fail();
  assert.equal(breaker.state(), "closed");
});

Deno.test("a permit is settled once", () => {
  const { allowed, breaker } = setup({ minimumCalls: 2 });
  const permit = allowed();
  permit.fail();
  permit.fail();
  assert.equal(breaker.state(), "closed");
});

Deno.test("a clock that is set back an hour does not keep a breaker open for an hour", () => {
  const { allowed, breaker, clock, open } = setup();
  open();
  clock.advance(-3_600_000);
  assert.ok(!breaker.acquire().allowed);
  clock.advance(rules.openMs);
  allowed().succeed();
  assert.equal(breaker.state(), "closed");
});

Deno.test("a changed policy applies to the next call", () => {
  const { allowed, breaker, inForce } = setup({ minimumCalls: 100 });
  for (let call = 0; call < 9; call++) allowed().fail();
  inForce.minimumCalls = 1;
  allowed().fail();
  assert.equal(breaker.state(), "open");
});

/** The same rules in their simplest form: a list of all calls, searched each time. */
function createModel(policy: BreakerPolicy, startAt: number) {
  interface Entry {
    at: number;
    failed: boolean;
    slow: boolean;
  }
  interface Call {
    readonly startedAt: number;
    readonly era: number;
    /** Which stretch of `openMs` it probes. */
    readonly turn: number;
    entry?: Entry;
    settled: boolean;
    probe: boolean;
  }
  let [now, era, state, since] = [startAt, 0, "closed" as BreakerState, startAt];
  let [entries, calls]: [Entry[], Call[]] = [[], []];
  let [probed, succeeded, turn] = [0, 0, 0];
  let givenBack: { readonly from: number; readonly count: number } | undefined;
  const bucket = (at: number) => Math.floor(at / (policy.windowMs / bucketsPerWindow));
  const inWindow = ({ at }: Entry) => bucket(now) - bucket(at) < bucketsPerWindow;

  function go(next: BreakerState): void {
    [state, since, era, entries] = [next, now, era + 1, []];
    [probed, succeeded] = [0, 0];
  }
  function judge(): void {
    const live = entries.filter(inWindow);
    const share = (part: "failed" | "slow") => live.filter((entry) => entry[part]).length;
    const isOver = (part: number, percent: number) =>
      part > 0 && part >= live.length * percent / 100;
    const failing = isOver(share("failed"), policy.failureRatePercent);
    const slow = isOver(share("slow"), policy.slowCallRatePercent);
    if (live.length >= policy.minimumCalls && (failing || slow)) go("open");
  }
  return {
    state: () => state,
    advance: (ms: number) => {
      now += ms;
    },
    acquire(): Call | undefined {
      const overdue = calls.filter((call) =>
        state === "closed" && call.era === era && !call.settled && !call.entry &&
        now - call.startedAt >= policy.slowCallMs
      );
      for (const call of overdue) {
        entries.push(call.entry = { at: now, failed: false, slow: true });
      }
      if (overdue.length > 0) judge();
      if (state === "open" && now - since >= policy.openMs) go("half_open");
      if (state === "open") return undefined;
      if (state === "half_open") {
        if (probed === 0 || now - since >= policy.openMs) {
          [since, probed, turn] = [now, 0, turn + 1];
        }
        if (probed >= policy.permittedHalfOpenCalls) return undefined;
        probed++;
      }
      const call = { startedAt: now, era, turn, settled: false, probe: state === "half_open" };
      calls = [...calls, call];
      return call;
    },
    settle(call: Call, end: "succeed" | "fail" | "cancel"): void {
      if (call.settled) return;
      call.settled = true;
      if (call.probe && call.era === era && call.turn === turn && end === "cancel") {
        if (!givenBack || now - givenBack.from >= policy.openMs) {
          givenBack = { from: now, count: 0 };
        }
        if (givenBack.count < 10) probed--;
        givenBack = { ...givenBack, count: givenBack.count + 1 };
      }
      if (call.era !== era || end === "cancel") return;
      const slow = now - call.startedAt >= policy.slowCallMs;
      const failed = end === "fail";
      if (call.probe) {
        if (failed || slow) go("open");
        else if (++succeeded >= policy.permittedHalfOpenCalls) go("closed");
        return;
      }
      if (!call.entry) entries.push({ at: now, failed, slow });
      else if (failed && inWindow(call.entry)) call.entry.failed = true;
      else if (failed) entries.push({ at: now, failed: true, slow: true });
      judge();
    },
  };
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "call" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat(),
      end: fc.constantFrom("succeed" as const, "fail" as const, "cancel" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.nat(700) }) },
);
// Long enough to open and close more than once.
const steps = fc.array(step, { minLength: 20, maxLength: 150, size: "max" });
const anyPolicy = fc.record({
  windowMs: fc.constantFrom(100, 500, 1_000),
  minimumCalls: fc.integer({ min: 1, max: 6 }),
  failureRatePercent: fc.integer({ min: 1, max: 100 }),
  slowCallMs: fc.constantFrom(50, 300, 2_000),
  slowCallRatePercent: fc.integer({ min: 1, max: 100 }),
  openMs: fc.constantFrom(50, 400, 1_000),
  permittedHalfOpenCalls: fc.integer({ min: 1, max: 3 }),
});

Deno.test("in every sequence the breaker behaves like a list of all calls", () => {
  fc.assert(
    fc.property(anyPolicy, steps, (policy, taken) => {
      const { breaker, clock } = setup(policy);
      const model = createModel(policy, clock.now());
      const pairs: [Permit, NonNullable<ReturnType<typeof model.acquire>>][] = [];
      for (const one of taken) {
        if (one.kind === "time") {
          clock.advance(one.ms);
          model.advance(one.ms);
        } else if (one.kind === "call") {
          const permit = breaker.acquire();
          const expected = model.acquire();
          assert.equal(permit.allowed, expected !== undefined);
          if (permit.allowed && expected) pairs.push([permit, expected]);
        } else if (pairs.length > 0) {
          // Settled permits are settled again too: they count once.
          const [permit, expected] = pairs[one.which % pairs.length]!;
          permit[one.end]();
          model.settle(expected, one.end);
        }
        assert.equal(breaker.state(), model.state());
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("[F24, F31] in every sequence of calls two probes are at least openMs apart, unless the first was cancelled", () => {
  fc.assert(
    fc.property(anyPolicy, steps, (policy, taken) => {
      const { breaker, clock } = setup({ ...policy, permittedHalfOpenCalls: 1 });
      const permits: Permit[] = [];
      const ends = new Map<Permit, "succeed" | "fail" | "cancel">();
      let last: { readonly at: number; readonly permit: Permit } | undefined;
      for (const one of taken) {
        if (one.kind === "time") clock.advance(one.ms);
        else if (one.kind === "end") {
          const permit = permits[one.which % (permits.length || 1)];
          if (permit && !ends.has(permit)) ends.set(permit, one.end);
          permit?.[one.end]();
        } else {
          const permit = breaker.acquire();
          if (!permit.allowed) continue;
          permits.push(permit);
          if (breaker.state() !== "half_open") continue;
          if (last && ends.get(last.permit) !== "cancel") {
            assert.ok(clock.now() - last.at >= policy.openMs);
          }
          last = { at: clock.now(), permit };
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
