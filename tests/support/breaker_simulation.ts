import {
  type BreakerPolicy,
  type CircuitBreaker,
  createCircuitBreaker,
  defaultPolicy,
  type Permit,
  toBreakerPolicy,
} from "@edgepass/shared/resilience";

/** How a dependency fails: at once, or by no response until its callers time out. */
export type Outage = "refuses" | "hangs";

/** Traffic, and independent breakers that share no state. */
export interface Scenario {
  /** Requests a second, all isolates together. */
  readonly rate: number;
  readonly isolates: number;
  readonly outage: Outage;
  readonly policy?: BreakerPolicy;
}

/** The result of a simulated outage of ten seconds, after ten healthy seconds. */
export interface Findings {
  /** Seconds until half of the isolates have opened; undefined where fewer ever do. */
  readonly halfOpenedAfter: number | undefined;
  /** Seconds until all have opened. */
  readonly allOpenedAfter: number | undefined;
  /** Requests that reached the dependency during the outage, probes included. */
  readonly met: number;
  /** Requests that a breaker refused at once. */
  readonly refused: number;
  /** Most calls that one isolate made in any second of the outage after it had opened. */
  readonly mostProbes: number;
  /** Seconds from the end of the outage until all were closed, or had no more requests. */
  readonly closedAfter: number;
}

const healthyMs = 10_000;
const outageMs = 10_000;
const recoveryMs = 10_000;
const answerMs = 20;
const refusalMs = 2;

interface Ending {
  readonly at: number;
  readonly settle: () => void;
}

/** Runs a scenario on a simulated clock; the result is deterministic. */
export function simulate(
  { rate, isolates, outage, policy = toBreakerPolicy(defaultPolicy) }: Scenario,
): Findings {
  let at = 0;
  const { timeoutMs } = defaultPolicy;
  const random = createRandom(rate * 31 + isolates);
  const openedAt: (number | undefined)[] = Array(isolates).fill(undefined);
  let closedAt = healthyMs + outageMs;
  const isDown = () => at >= healthyMs && at < healthyMs + outageMs;
  const breakers = Array.from(
    { length: isolates },
    (_, one): CircuitBreaker =>
      createCircuitBreaker({
        policy: () => policy,
        now: () => at,
        onTransition(to) {
          if (to === "open") openedAt[one] ??= at;
          if (to === "closed") closedAt = Math.max(closedAt, at);
        },
      }),
  );
  const ends: Record<"well" | "ill", Ending[]> = { well: [], ill: [] };
  const probes: number[][] = breakers.map(() => []);
  let [met, refused] = [0, 0];

  /** Each queue is in order, because its calls take equally long. */
  function passTo(moment: number): void {
    for (;;) {
      const [next] = [ends.well, ends.ill].filter(({ length }) => length > 0)
        .sort(([one], [other]) => one!.at - other!.at);
      if (!next?.[0] || next[0].at > moment) break;
      at = next[0].at;
      next.shift()?.settle();
    }
    at = moment;
  }

  function startCall(permit: Permit): void {
    if (!isDown()) {
      ends.well.push({ at: at + answerMs, settle: permit.succeed });
      return;
    }
    met++;
    const takesMs = outage === "refuses" ? refusalMs : timeoutMs;
    ends.ill.push({ at: at + takesMs, settle: permit.fail });
  }

  let arrival = 0;
  while (arrival < healthyMs + outageMs + recoveryMs) {
    // Arrivals of independent callers: the gaps between them are exponential.
    arrival += -Math.log(1 - random()) * 1000 / rate;
    passTo(arrival);
    const one = Math.floor(random() * isolates);
    const permit = breakers[one]!.acquire();
    if (!permit.allowed) {
      refused++;
      continue;
    }
    if (isDown() && openedAt[one] !== undefined) probes[one]!.push(at);
    startCall(permit);
  }
  const activeSpan = openedAt.filter((moment) => moment !== undefined).sort((a, b) => a - b);
  const secondsAfter = (count: number) =>
    activeSpan.length < count ? undefined : (activeSpan[count - 1]! - healthyMs) / 1000;
  return {
    halfOpenedAfter: secondsAfter(Math.ceil(isolates / 2)),
    allOpenedAfter: secondsAfter(isolates),
    met,
    refused,
    mostProbes: Math.max(...probes.map(mostInASecond)),
    closedAfter: (closedAt - healthyMs - outageMs) / 1000,
  };
}

function mostInASecond(moments: readonly number[]): number {
  return Math.max(
    0,
    ...moments.map((from, index) =>
      moments.slice(index).filter((moment) => moment < from + 1000).length
    ),
  );
}

/** Mulberry32: a small deterministic generator. */
function createRandom(seed: number): () => number {
  let state = seed;
  return function random() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
