import type { Fault } from "../tcp_proxy.ts";
import type { FixtureCase } from "./case.ts";
import { until } from "./case.ts";
import { type Answered, drive, percentile, type Tally, wait } from "./load.ts";
import { enrollAgain, type Fixture } from "./fixture.ts";

const garbage = new TextEncoder().encode("no HTTP at all\r\n\r\n");

/** What happens to the bytes between two parts. */
const faults: Readonly<Record<string, { id: string; fault: Fault }>> = {
  "is 5 s late": { id: "F30", fault: { kind: "latency", ms: 5_000 } },
  "takes connections and never answers": { id: "F30", fault: { kind: "silent" } },
  "is down": { id: "F31", fault: { kind: "refuse" } },
  "resets connections": { id: "F33", fault: { kind: "reset" } },
  "breaks off in its headers": { id: "F33", fault: { kind: "cut", afterBytes: 20, how: "end" } },
  "answers bytes that are no HTTP": { id: "F34", fault: { kind: "garbage", bytes: garbage } },
};

/** The longest that a call of a service, and of the recommender, may wait; and the way back. */
const limitsMs = { service: 1_000, recommender: 800, back: 100 } as const;
/** Of a call that may be repeated, where the retry's budget pays for it. */
const attempts = 2;
/** The breaker is open by then. */
const openAfterMs = 2_500;

export const serviceCases: readonly FixtureCase[] = [
  ...Object.entries(faults).map(([what, { id, fault }]): FixtureCase => ({
    id,
    what: `between services: course ${what}, and enrollment asks for a course`,
    isLong: id === "F30",
    async run(fixture, judge, { faultMs }) {
      await fixture.proxies.course.set(fault);
      const during = wait(Math.max(faultMs, 1_000));
      const [enrolling, beside] = await Promise.all([
        // Most calls of enrollment wait for course, and still it is not at fault.
        driveFixture({ perSecond: 30, during, send: () => enrollAgain(fixture) }),
        driveFixture({ perSecond: 10, during, send: () => listEnrollments(fixture) }),
      ]);
      judge.only("asking for a course", enrolling, [
        "503 upstream_unavailable",
        "502 upstream_bad_response",
        "504 upstream_timeout",
      ]);
      judge.only("what needs no course goes on", beside, ["200"]);
      const waits = enrolling.answers.map(({ ms }) => ms);
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
      const known = await suggest(fixture, learner.token);
      judge.check("live before", from(known) === "live", from(known));
      await forget(fixture, other.id);
      await fixture.proxies.recommender.set(fault);
      const during = wait(Math.max(faultMs, 1_000));
      const [kept, unknown] = await Promise.all([
        driveFixture({ perSecond: 20, during, send: () => suggest(fixture, learner.token) }),
        driveFixture({ perSecond: 20, during, send: () => suggest(fixture, other.token) }),
      ]);
      judge.only("everybody is answered", { ...kept, answers: [...kept.answers] }, ["200"]);
      judge.only("also who was never answered", unknown, ["200"]);
      judgeSource(judge, "their own last answer, marked", kept, "cache, cache; age=n");
      judgeSource(judge, "the default, marked", unknown, "default, default");
      const slowest = percentile([...kept.answers, ...unknown.answers].map(({ ms }) => ms), 99);
      judge.within("p99", slowest, limitsMs.recommender + limitsMs.back);
      const late = kept.answers.filter(({ atMs }) => atMs > openAfterMs).map(({ ms }) => ms);
      if (late.length > 0) judge.within("p50 once open", percentile(late, 50), 50);
      await fixture.proxies.recommender.set({ kind: "none" });
      const well = await until(async () => from(await suggest(fixture, learner.token)) === "live");
      judge.within("live again after", well, 5_000);
      judge.check("live again", Number.isFinite(well));
    },
  })),
  {
    id: "D05",
    what: "nothing stands in for a change while course is down",
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

function judgeOpen(judge: Judge, { answers }: Tally): void {
  const late = answers.filter(({ atMs, status }) => atMs > openAfterMs && status === 503)
    .map(({ ms }) => ms);
  if (late.length > 0) judge.within("refusal p50 once open", percentile(late, 50), 25);
}

/** Where a call gets no answer at all, nothing but the breaker refuses with 503. */
function judgeOpening(judge: Judge, { answers }: Tally): void {
  const refused = answers.filter(({ status }) => status === 503).map(({ atMs }) => atMs);
  judge.within("breaker open after", Math.min(...refused), 2_000);
}

function judgeSource(judge: Judge, claim: string, { answers }: Tally, wanted: string): void {
  const found = new Set(answers.map(from));
  judge.check(claim, found.size === 1 && found.has(wanted), [...found].join(" / "));
}

function from({ source, fallback }: Answered): string {
  return [source, fallback].filter((one) => one !== undefined).join(", ");
}

function suggest({ get }: Fixture, token: string): Promise<Answered> {
  return get("/recommendations", token);
}

function listEnrollments({ get, people }: Fixture): Promise<Answered> {
  return get("/enrollments", people.learner.token);
}

/** Nothing is kept for them, as if they had never asked. */
async function forget({ redis }: Fixture, personId: string): Promise<void> {
  await redis.write("DEL", `fb:recommendation:courses:${personId}`);
}

/** Asks at a steady rate; whose answer it was is not said here. */
function driveFixture({ perSecond, during, send }: {
  perSecond: number;
  during: Promise<void>;
  send: () => Promise<Answered>;
}): Promise<Tally> {
  return drive({
    perSecond,
    during: () => during,
    send: () => ({ asked: "anybody", answer: send() }),
  });
}
