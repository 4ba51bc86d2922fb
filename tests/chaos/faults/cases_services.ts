import type { Fault } from "../tcp_proxy.ts";
import type { FixtureCase } from "./case.ts";
import { until } from "./case.ts";
import { drive, percentile, type Received, type Tally, wait } from "./load.ts";
import { enrollAgain, type Fixture } from "./fixture.ts";

const garbage = new TextEncoder().encode("no HTTP at all\r\n\r\n");

/** Faults on the connection between two processes. */
const faults: Readonly<Record<string, { id: string; fault: Fault }>> = {
  "is 5 s late": { id: "F30", fault: { kind: "latency", ms: 5_000 } },
  "accepts connections and never responds": { id: "F30", fault: { kind: "silent" } },
  "is down": { id: "F31", fault: { kind: "refuse" } },
  "resets connections": { id: "F33", fault: { kind: "reset" } },
  "breaks off in its headers": { id: "F33", fault: { kind: "cut", afterBytes: 20, how: "end" } },
  "responds with bytes that are not HTTP": {
    id: "F34",
    fault: { kind: "garbage", bytes: garbage },
  },
};

/**
 * The longest wait for a call to a service and to the recommender, and for the rest of the request.
 */
const limitsMs = { service: 1_000, recommender: 800, back: 100 } as const;
/** A retryable call, where the retry budget allows it. */
const attempts = 2;
/** The breaker is open by then. */
const openAfterMs = 2_500;

export const serviceCases: readonly FixtureCase[] = [
  ...Object.entries(faults).map(([what, { id, fault }]): FixtureCase => ({
    id,
    what: `between services: course ${what}, and enrollment calls course`,
    isLong: id === "F30",
    async run(fixture, judge, { faultMs }) {
      await fixture.proxies.course.set(fault);
      const during = wait(Math.max(faultMs, 1_000));
      const [enrolling, beside] = await Promise.all([
        // Most calls of enrollment wait for course, yet enrollment itself must not count as failed.
        driveFixture({ perSecond: 30, during, send: () => enrollAgain(fixture) }),
        driveFixture({ perSecond: 10, during, send: () => listEnrollments(fixture) }),
      ]);
      judge.only("calls to course", enrolling, [
        "503 upstream_unavailable",
        "502 upstream_bad_response",
        "504 upstream_timeout",
      ]);
      judge.only("what needs no course goes on", beside, ["200"]);
      const waits = enrolling.responses.map(({ ms }) => ms);
      judge.within("median wait", percentile(waits, 50), limitsMs.service + limitsMs.back);
      judge.within("longest wait", Math.max(...waits), attempts * limitsMs.service + limitsMs.back);
      if (id === "F30") judgeOpening(judge, enrolling);
      judgeOpen(judge, enrolling);
      await fixture.proxies.course.set({ kind: "none" });
      const well = await until(async () => (await enrollAgain(fixture)).status === 409);
      judge.within("well again after", well, 5_000);
      judge.check("well again", Number.isFinite(well));
    },
  })),
  ...Object.entries(faults).map(([what, { id, fault }]): FixtureCase => ({
    id,
    what: `the recommender ${what}`,
    isLong: id === "F30",
    async run(fixture, judge, { faultMs }) {
      const { learner, other } = fixture.people;
      const live = await suggest(fixture, learner.token);
      judge.check("live before", from(live) === "live", from(live));
      await deleteStored(fixture, other.id);
      await fixture.proxies.recommender.set(fault);
      const during = wait(Math.max(faultMs, 1_000));
      const [stored, unknown] = await Promise.all([
        driveFixture({ perSecond: 20, during, send: () => suggest(fixture, learner.token) }),
        driveFixture({ perSecond: 20, during, send: () => suggest(fixture, other.token) }),
      ]);
      judge.only("every request is served", { ...stored, responses: [...stored.responses] }, [
        "200",
      ]);
      judge.only("also users without a stored response", unknown, ["200"]);
      judgeSource(judge, "the user's own last response, marked", stored, "cache, cache; age=n");
      judgeSource(judge, "the default, marked", unknown, "default, default");
      const slowest = percentile(
        [...stored.responses, ...unknown.responses].map(({ ms }) => ms),
        99,
      );
      judge.within("p99", slowest, limitsMs.recommender + limitsMs.back);
      const late = stored.responses.filter(({ atMs }) => atMs > openAfterMs).map(({ ms }) => ms);
      if (late.length > 0) judge.within("p50 once open", percentile(late, 50), 50);
      await fixture.proxies.recommender.set({ kind: "none" });
      const well = await until(async () => from(await suggest(fixture, learner.token)) === "live");
      judge.within("live again after", well, 5_000);
      judge.check("live again", Number.isFinite(well));
    },
  })),
  {
    id: "D05",
    what: "no stale response replaces a write while course is down",
    async run(fixture, judge) {
      await fixture.proxies.course.set({ kind: "refuse" });
      const { status, code, fallback } = await enrollAgain(fixture);
      judge.check(
        "refused",
        status === 503 && code === "upstream_unavailable",
        `${status} ${code}`,
      );
      judge.check("without a fallback", fallback === undefined, fallback);
    },
  },
];

type Judge = Parameters<FixtureCase["run"]>[1];

function judgeOpen(judge: Judge, { responses }: Tally): void {
  const late = responses.filter(({ atMs, status }) => atMs > openAfterMs && status === 503)
    .map(({ ms }) => ms);
  if (late.length > 0) judge.within("refusal p50 once open", percentile(late, 50), 25);
}

/** Without any response only the breaker refuses with 503. */
function judgeOpening(judge: Judge, { responses }: Tally): void {
  const refused = responses.filter(({ status }) => status === 503).map(({ atMs }) => atMs);
  judge.within("breaker open after", Math.min(...refused), 2_000);
}

function judgeSource(judge: Judge, claim: string, { responses }: Tally, expected: string): void {
  const found = new Set(responses.map(from));
  judge.check(claim, found.size === 1 && found.has(expected), [...found].join(" / "));
}

function from({ source, fallback }: Received): string {
  return [source, fallback].filter((one) => one !== undefined).join(", ");
}

function suggest({ get }: Fixture, token: string): Promise<Received> {
  return get("/recommendations", token);
}

function listEnrollments({ get, people }: Fixture): Promise<Received> {
  return get("/enrollments", people.learner.token);
}

/** Deletes the stored response, as if this user had never sent a request. */
async function deleteStored({ redis }: Fixture, personId: string): Promise<void> {
  await redis.write("DEL", `fb:recommendation:courses:${personId}`);
}

/** Sends at a steady rate; the responses are not checked against a caller. */
function driveFixture({ perSecond, during, send }: {
  perSecond: number;
  during: Promise<void>;
  send: () => Promise<Received>;
}): Promise<Tally> {
  return drive({
    perSecond,
    during: () => during,
    send: () => ({ caller: "any", response: send() }),
  });
}
