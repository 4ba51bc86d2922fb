import { type Case, type Judge, type Pace, times, until } from "./case.ts";
import { percentile, type Tally, wait } from "./load.ts";
import type { Environment } from "./environment.ts";

const timedOut = "504 upstream_timeout";
const unavailable = "503 upstream_unavailable";
const malformedResponse = "502 upstream_bad_response";
/** The breaker is open by then. */
const openAfterMs = 2_000;

/** Noise only adds to a duration: further rounds can show that it was noise. */
const mostRounds = 5;
/** Below this a percentile of a hundred responses is the machine's own noise, in milliseconds. */
const leastBaseMs = 5;

/**
 * Drives the faulty route and a healthy one, and compares the healthy route with its own baseline:
 * rounds without and with the fault alternate, and the median counts, so that other load on the
 * machine affects both.
 */
async function driveBeside(
  environment: Environment,
  judge: Judge,
  { path, pace: { faultMs, judgesTimes }, fault = none, undo = none }: {
    path: string;
    pace: Pace;
    fault?: () => Promise<void>;
    undo?: () => Promise<void>;
  },
): Promise<Tally> {
  const base: number[] = [];
  const beside: number[] = [];
  const isHeld = () => median(beside) <= 1.5 * Math.max(leastBaseMs, median(base));
  let ill: Tally | undefined;
  for (let round = 0; round === 0 || (judgesTimes && round < mostRounds && !isHeld()); round++) {
    if (round > 0) {
      await undo();
      await environment.heal();
    }
    // Under the same load: otherwise the fault would be blamed for the second route's requests.
    const [, before] = await driveBoth(environment, "/echo/ok", faultMs);
    await fault();
    const [tally, other] = await driveBoth(environment, path, faultMs);
    judge.only("other routes go on", other, ["200"]);
    base.push(percentile(times(before), 99));
    beside.push(percentile(times(other), 99));
    ill = tally;
  }
  if (!ill) throw new TypeError("There was no round");
  const limitMs = 1.5 * Math.max(leastBaseMs, median(base));
  judge.within(`other routes' p99, of ${beside.length}`, median(beside), limitMs);
  return ill;
}

async function driveBoth(
  environment: Environment,
  path: string,
  ms: number,
): Promise<[Tally, Tally]> {
  const over = wait(ms);
  return await Promise.all([
    environment.drive({ path, during: () => over }),
    environment.drive({ path: "/other/ok", during: () => over }),
  ]);
}

const none = () => Promise.resolve();

function median(values: readonly number[]): number {
  return percentile(values, 50);
}

function judgeOpen(judge: Judge, tally: Tally): void {
  const late = tally.responses.filter(({ atMs }) => atMs > openAfterMs);
  if (late.length === 0) return;
  const refused = late.filter(({ status }) => status === 503);
  judge.check(
    "refused once open",
    refused.length >= late.length * 0.8,
    `${refused.length} of ${late.length}`,
  );
  judge.within("refusal p50", percentile(refused.map(({ ms }) => ms), 50), 10);
}

async function judgeRecovery(environment: Environment, judge: Judge, path: string): Promise<void> {
  const [person] = environment.people;
  if (!person) return;
  const ms = await until(async () => (await environment.get(path, { person })).status === 200);
  judge.within("well again after", ms, 5_000);
  judge.check("well again", Number.isFinite(ms));
}

/** Responses that the gateway cannot wrap are still responses, and no failure of the service. */
const unwrapped = {
  "an empty body of a JSON type": "/echo/empty",
  "a body that is not JSON": "/echo/garbage",
} as const;

/** Responses that no client may receive as successful. */
const useless = {
  "bytes that are not HTTP": { path: "/echo/ok", fault: "garbage" },
  "a connection reset before its headers": { path: "/echo/ok", fault: "reset" },
  "a connection that ends before its headers": { path: "/echo/ok", fault: "end" },
} as const;

export const upstreamCases: readonly Case[] = [
  {
    id: "F30",
    what: "a service responds after 5 s, its limit is 1 s",
    async run(environment, judge, pace) {
      const path = "/echo/slow?ms=5000";
      const ill = await driveBeside(environment, judge, { path, pace });
      judge.only("in time, or not at all", ill, [timedOut, unavailable]);
      const slow = times(ill, ({ status }) => status === 504);
      // The median: a busy machine delays some of them, never most.
      judge.within("504 median", percentile(slow, 50), 1_100);
      judge.check("504 p99, ms", true, percentile(slow, 99).toFixed(0));
      judge.check("none before the limit", slow.every((ms) => ms >= 900), slow.length);
      await judgeRecovery(environment, judge, "/echo/ok");
    },
  },
  {
    id: "F30",
    what: "a service accepts connections and never responds",
    async run(environment, judge, pace) {
      const fault = () => environment.proxies.upstream.set({ kind: "silent" });
      const undo = () => environment.proxies.upstream.set({ kind: "none" });
      const ill = await driveBeside(environment, judge, { path: "/echo/ok", pace, fault, undo });
      judge.only("in time, or not at all", ill, [timedOut, unavailable]);
      judgeOpen(judge, { ...ill, responses: ill.responses.filter(({ atMs }) => atMs > 1_000) });
      await environment.proxies.upstream.set({ kind: "none" });
      await judgeRecovery(environment, judge, "/echo/ok");
    },
  },
  {
    id: "F31",
    what: "a service is down, then up",
    async run(environment, judge, pace) {
      const fault = () => environment.proxies.upstream.set({ kind: "refuse" });
      const undo = () => environment.proxies.upstream.set({ kind: "none" });
      const ill = await driveBeside(environment, judge, { path: "/echo/ok", pace, fault, undo });
      judge.only("refused", ill, [unavailable, malformedResponse]);
      judgeOpen(judge, ill);
      await environment.proxies.upstream.set({ kind: "none" });
      await judgeRecovery(environment, judge, "/echo/ok");
    },
  },
  {
    id: "F31",
    what: "probes of a service that is down",
    async run(environment, judge, { faultMs }) {
      const { upstream } = environment.proxies;
      await upstream.set({ kind: "reset" });
      await environment.drive({ path: "/echo/ok", during: () => wait(openAfterMs) });
      const before = upstream.accepted();
      const seconds = faultMs / 1_000;
      await environment.drive({ path: "/echo/ok", during: () => wait(faultMs) });
      const probes = upstream.accepted() - before;
      // The runtime may repeat a probe that got no response.
      judge.check("probes a second", probes <= 2 * (seconds + 1), (probes / seconds).toFixed(1));
    },
  },
  ...Object.entries(useless).map(([what, { path, ...rest }]): Case => ({
    id: "fault" in rest && rest.fault !== "garbage" ? "F33" : "F34",
    what: `a service responds with ${what}`,
    async run(environment, judge, { faultMs }) {
      if ("fault" in rest) {
        const bytes = new TextEncoder().encode("no HTTP at all\r\n\r\n");
        if (rest.fault === "garbage") {
          await environment.proxies.upstream.set({ kind: "garbage", bytes });
        }
        if (rest.fault === "reset") await environment.proxies.upstream.set({ kind: "reset" });
        if (rest.fault === "end") {
          await environment.proxies.upstream.set({ kind: "cut", afterBytes: 0, how: "end" });
        }
      }
      const tally = await environment.drive({ path, during: () => wait(faultMs / 2) });
      judge.only("never a successful response", tally, [malformedResponse, unavailable]);
      await environment.proxies.upstream.set({ kind: "none" });
      await judgeRecovery(environment, judge, "/echo/ok");
    },
  })),
  ...Object.entries(unwrapped).map(([what, path]): Case => ({
    id: "F34",
    what: `a service responds with ${what}, and other requests are still served`,
    async run(environment, judge, { faultMs }) {
      const tally = await environment.drive({ path, during: () => wait(faultMs / 2) });
      judge.only("a response each time", tally, ["200"]);
    },
  })),
  {
    id: "F34",
    what: "a body that is not JSON, where responses pass unchanged",
    async run(environment, judge) {
      const [person] = environment.people;
      const { status } = await environment.get("/raw/garbage", person ? { person } : {});
      judge.check("passes", status === 200, status);
    },
  },
  ...(["end", "reset"] as const).map((how): Case => ({
    id: "F33",
    what: `a connection ${how === "end" ? "ends" : "is reset"} in the middle of a long response`,
    async run(environment, judge) {
      const [person] = environment.people;
      if (!person) return;
      await environment.proxies.upstream.set({ kind: "cut", afterBytes: 200_000, how });
      let complete = 0;
      for (let at = 0; at < 10; at++) {
        const { status } = await environment.get("/raw/big?bytes=1000000", { person });
        if (status !== 0) complete++;
      }
      judge.check("truncated responses that look complete", complete === 0, complete);
    },
  })),
  {
    id: "F36",
    what: "a response of 1 GB that the client stops reading",
    async run(environment, judge, { faultMs }) {
      const [person] = environment.people;
      const before = residentBytes(environment);
      const response = await fetch(`${environment.gateways[0]}/raw/big?bytes=1000000000`, {
        headers: { authorization: `Bearer ${person?.token}` },
      });
      const reader = response.body?.getReader();
      await reader?.read();
      await wait(faultMs);
      const grown = (residentBytes(environment) - before) / 1e6;
      await reader?.cancel();
      judge.check("memory, MB", grown <= 64, grown.toFixed(0));
    },
  },
  {
    id: "F39",
    what: "a service redirects elsewhere",
    async run(environment, judge) {
      const [person] = environment.people;
      let came = 0;
      const elsewhere = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
        came++;
        return new Response();
      });
      const to = encodeURIComponent(`http://127.0.0.1:${elsewhere.addr.port}/`);
      const { status } = await environment.get(`/raw/redirect?to=${to}`, person ? { person } : {});
      await elsewhere.shutdown();
      judge.check("followed", came === 0, came);
      judge.check("handed back", status === 302, status);
    },
  },
  {
    id: "F40",
    what: "half of a service's responses are 503",
    async run(environment, judge, { faultMs }) {
      environment.upstream.setFailing(true);
      const before = environment.upstream.hits.get("half") ?? 0;
      const tally = await environment.drive({ path: "/echo/half", during: () => wait(faultMs) });
      const hits = (environment.upstream.hits.get("half") ?? 0) - before;
      judge.only("its responses or a refusal", tally, ["200", unavailable]);
      const ratio = hits / tally.responses.length;
      judge.check("calls for each request", ratio <= 1.1, ratio.toFixed(2));
    },
  },
];

/** Resident memory of the first gateway. */
function residentBytes({ processes: [gateway] }: Environment): number {
  const status = Deno.readTextFileSync(`/proc/${gateway?.pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
