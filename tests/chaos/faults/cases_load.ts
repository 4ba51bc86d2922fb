import type { Case } from "./case.ts";
import { until } from "./case.ts";
import { type CrowdTally, goodput, sendCrowd } from "./crowd.ts";
import { wait } from "./load.ts";
import { percentile } from "./load.ts";
import { processorMs, residentBytes, slope } from "./machine.ts";
import type { Environment } from "./environment.ts";

const mega = 1e6;
/** Noise can only make a round worse, so one good round is enough. */
const mostRounds = 4;
/** Interval of the memory samples, in milliseconds. */
const sampleMs = 1_000;
/** The minimum of this many samples counts: everything above it is garbage not yet collected. */
const samplesOfFloor = 20;
/** The heap must reach its size first: a warm-up of this load, for half a minute at most. */
const warmUp = { perSecond: 1_000, ofStay: 0.1 } as const;

export const loadCases: readonly Case[] = [
  {
    id: "F70",
    what: "2,000 users on 2,000 connections",
    async run(environment, judge, { stayMs }) {
      // A machine that pauses for a moment in five minutes is no outage of Redis.
      await using gateway = await environment.startGateway({
        env: { REVOCATION_TIMEOUT_MS: "2000" },
      });
      const people = await Promise.all(Array.from({ length: 2_000 }, () => environment.sign({})));
      const crowd = {
        origin: gateway.origin,
        people,
        path: "/echo/ok",
        connections: people.length,
      };
      const { perSecond, ofStay } = warmUp;
      await sendCrowd({ ...crowd, perSecond, ms: ofStay * stayMs });
      const samples: number[] = [];
      const timer = setInterval(() => samples.push(residentBytes(gateway.process)), sampleMs);
      const tally = await sendCrowd({ ...crowd, perSecond: 200, ms: stayMs })
        .finally(() => clearInterval(timer));
      const others = Object.keys(tally.kinds).filter((kind) => kind !== "200");
      judge.check("only 200", others.length === 0, describe(tally));
      judge.check("wrong identity", tally.wrongIdentity === 0, tally.wrongIdentity);
      const floors = Array.from(
        { length: Math.floor(samples.length / samplesOfFloor) },
        (_, at) => Math.min(...samples.slice(at * samplesOfFloor, (at + 1) * samplesOfFloor)),
      );
      const perMinute = slope(floors) * (60_000 / (sampleMs * samplesOfFloor)) / mega;
      const isLongEnough = floors.length >= 6;
      judge.check(
        "memory, MB a minute",
        !isLongEnough || perMinute <= 1,
        isLongEnough ? perMinute.toFixed(2) : "too short to measure",
      );
      judge.check("memory, MB", true, floors.map((floor) => (floor / mega).toFixed(0)).join(" "));
    },
  },
  {
    id: "F72",
    what: "five times the load that it can serve",
    isLong: true,
    async run(environment, judge, pace) {
      let found = await overload(environment, pace);
      for (let round = 1; round < mostRounds && !isWell(found); round++) {
        await environment.heal();
        found = await overload(environment, pace);
      }
      const { peak, over, share, p99, recoveredMs, others, probes } = found;
      judge.check("served a second at its best", true, goodput(peak).toFixed(0));
      judge.check("200, or 503 and 429", others.length === 0, describe(over));
      judge.check("with Retry-After", over.withoutRetryAfter === 0, over.withoutRetryAfter);
      judge.check("wrong identity", over.wrongIdentity === 0, over.wrongIdentity);
      judge.check("served, percent of its best", share >= 80, share.toFixed(0));
      judge.within("p99 of who is served", p99, 1_000);
      judge.check("probes meanwhile", probes.every((one) => one === 200), probes.join(" "));
      judge.within("well again after", recoveredMs, 5_000);
    },
  },
];

/** The result of one overload round. */
interface Overload {
  readonly peak: CrowdTally;
  readonly over: CrowdTally;
  /** Percent of the best throughput. */
  readonly share: number;
  readonly p99: number;
  readonly recoveredMs: number;
  /** Kinds of responses that must not occur. */
  readonly others: readonly string[];
  /** Responses of `/livez` meanwhile. */
  readonly probes: readonly number[];
}

function isWell({ share, p99, recoveredMs }: Overload): boolean {
  return share >= 80 && p99 <= 1_000 && recoveredMs <= 5_000;
}

/** The best throughput is measured in the same round, because noise differs between rounds. */
async function overload(
  environment: Environment,
  { faultMs }: { faultMs: number },
): Promise<Overload> {
  const [origin = ""] = environment.gateways;
  const [gateway] = environment.processes;
  const [person] = environment.people;
  if (!gateway || !person) throw new TypeError("There is no gateway");
  const send = async (connections: number, perSecond: number) => {
    const before = processorMs(gateway);
    const crowd = { origin, people: environment.people, path: "/echo/page", ms: faultMs };
    const tally = await sendCrowd({ ...crowd, connections, perSecond });
    // On a shared machine the processor time varies, so throughput is measured per second of it.
    return { tally, each: tally.goodMs.length / (processorMs(gateway) - before) };
  };
  await send(32, 2_000);
  const best = await send(32, 4_000);
  const probes: number[] = [];
  const probing = setInterval(async () => {
    probes.push((await environment.get("/livez")).status);
  }, 500);
  const { tally: over, each } = await send(1_000, 5 * goodput(best.tally));
  clearInterval(probing);
  const recoveredMs = await until(async () => {
    const responses = await Promise.all(
      Array.from({ length: 10 }, () => environment.get("/echo/ok", { person })),
    );
    return responses.every(({ status }) => status === 200);
  });
  await wait(100);
  return {
    peak: best.tally,
    over,
    share: 100 * each / best.each,
    p99: percentile([...over.goodMs], 99),
    recoveredMs,
    others: Object.keys(over.kinds).filter((kind) => !/^(200|429|503)\b/.test(kind)),
    probes,
  };
}

function describe({ kinds }: CrowdTally): string {
  return Object.entries(kinds).map(([kind, count]) => `${count} × ${kind}`).join(", ");
}
