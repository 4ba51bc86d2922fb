import type { Case, Judge } from "./case.ts";
import { times, until } from "./case.ts";
import { percentile, type Tally, wait } from "./load.ts";
import type { RedisCondition } from "./redis_faults.ts";
import type { Environment, Person } from "./environment.ts";

const closed = "503 revocation_unavailable";
/** The breaker is open by then. */
const openAfterMs = 2_000;

/** Drives a strict and a public route through a fault, together with a revoked user. */
async function driveThrough(
  environment: Environment,
  { faultMs, during = () => wait(faultMs) }: { faultMs: number; during?: () => Promise<void> },
): Promise<{ strict: Tally; open: Tally; revoked: Tally }> {
  const gone = await revokeSomebody(environment);
  const revoked = { ...environment, people: [gone] };
  const fault = during();
  const [strict, open, refused] = await Promise.all([
    environment.drive({ path: "/echo/ok", during: () => fault }),
    environment.drive({ path: "/open/ok", isPublic: true, perSecond: 20, during: () => fault }),
    driveAs(revoked, gone, fault),
  ]);
  return { strict, open, revoked: refused };
}

async function revokeSomebody(environment: Environment): Promise<Person> {
  const gone = await environment.sign({});
  await environment.revoke(gone);
  return gone;
}

function driveAs(environment: Environment, person: Person, during: Promise<void>): Promise<Tally> {
  return environment.drive({
    path: "/echo/ok",
    perSecond: 20,
    init: { headers: { authorization: `Bearer ${person.token}` } },
    isPublic: true,
    during: () => during,
  });
}

function judgeClosed(
  judge: Judge,
  { strict, open, revoked }: { strict: Tally; open: Tally; revoked: Tally },
  budgetMs: number,
): void {
  judge.only("protected is refused", strict, [closed]);
  judge.only("public goes on", open, ["200"]);
  judge.check("revoked accepted", !("200" in revoked.kinds), revoked.kinds["200"] ?? 0);
  judge.within("decision p99", percentile(times(strict), 99), budgetMs);
  // One request a second is the probe, which may use the whole budget.
  const late = times(strict, ({ atMs }) => atMs > openAfterMs);
  if (late.length > 0) judge.within("breaker open p95", percentile(late, 95), 50);
}

async function judgeRecovery(
  environment: Environment,
  judge: Judge,
  healing: Promise<void>,
): Promise<void> {
  const [person] = environment.people;
  if (!person) return;
  await healing;
  const ms = await until(async () =>
    (await environment.get("/echo/ok", { person })).status === 200
  );
  judge.within("well again after", ms, 5_000);
}

/** Programs that never wait, each of which takes as much of a processor as it gets. */
function startHogs(hogs: number): { readonly hogs: number; stop(): Promise<void> } {
  const running = Array.from(
    { length: hogs },
    () => new Deno.Command(Deno.execPath(), { args: ["eval", "while (true);"] }).spawn(),
  );
  return {
    hogs,
    async stop() {
      for (const hog of running) hog.kill("SIGKILL");
      await Promise.all(running.map(({ status }) => status));
    },
  };
}

/** Responses of Redis that are no reply to the command. */
const nonsense: Readonly<Record<string, Omit<RedisCondition & { kind: "responds" }, "kind">>> = {
  "500": { status: 500, body: "{}" },
  "429": { status: 429, body: '{"error":"max requests limit exceeded"}' },
  "a page": { status: 200, body: "<html>welcome</html>", type: "text/html" },
  "truncated JSON": { status: 200, body: '[{"result":[' },
  "no replies": { status: 200, body: "[]" },
  "one null": { status: 200, body: '[{"result":null}]' },
  "too few values": { status: 200, body: '[{"result":["1"]}]' },
  "numbers": { status: 200, body: '[{"result":[1,2,3,4,5,6]}]' },
  "null": { status: 200, body: "null" },
};

export const redisCases: readonly Case[] = [
  {
    id: "F20",
    what: "Redis refuses connections",
    async run(environment, judge, { faultMs }) {
      await environment.proxies.redis.set({ kind: "refuse" });
      judgeClosed(judge, await driveThrough(environment, { faultMs }), 200);
      await judgeRecovery(environment, judge, environment.proxies.redis.set({ kind: "none" }));
    },
  },
  {
    id: "F21",
    what: "Redis accepts connections and never responds",
    async run(environment, judge, { faultMs }) {
      await environment.proxies.redis.set({ kind: "silent" });
      judgeClosed(judge, await driveThrough(environment, { faultMs }), 200);
      await judgeRecovery(environment, judge, environment.proxies.redis.set({ kind: "none" }));
    },
  },
  {
    id: "F21",
    what: "Redis resets connections",
    async run(environment, judge, { faultMs }) {
      await environment.proxies.redis.set({ kind: "reset" });
      judgeClosed(judge, await driveThrough(environment, { faultMs }), 200);
      await judgeRecovery(environment, judge, environment.proxies.redis.set({ kind: "none" }));
    },
  },
  ...Object.entries(nonsense).map(([what, response]): Case => ({
    id: "F23",
    what: `Redis responds with ${what}`,
    async run(environment, judge, { faultMs }) {
      environment.redis.set({ kind: "responds", ...response });
      judgeClosed(judge, await driveThrough(environment, { faultMs: faultMs / 3 }), 200);
    },
  })),
  {
    id: "F22",
    what: "Redis is 50 ms slower",
    async run(environment, judge, { faultMs }) {
      const before = await environment.drive({ path: "/echo/ok", during: () => wait(faultMs) });
      await environment.proxies.redis.set({ kind: "latency", ms: 50 });
      let during = await environment.drive({ path: "/echo/ok", during: () => wait(faultMs) });
      // A machine that pauses for a tenth of a second uses up the rest of the budget.
      for (let round = 1; round < 3 && during.kinds[closed]; round++) {
        during = await environment.drive({ path: "/echo/ok", during: () => wait(faultMs) });
      }
      judge.only("every request is served", during, ["200"]);
      const base = percentile(times(before), 99);
      judge.within("p99", percentile(times(during), 99), base + 60);
    },
  },
  ...[200, 1000].map((ms): Case => ({
    id: "F22",
    what: `Redis is ${ms} ms slower, over its budget`,
    async run(environment, judge, { faultMs }) {
      await environment.proxies.redis.set({ kind: "latency", ms });
      judgeClosed(judge, await driveThrough(environment, { faultMs }), 200);
      await judgeRecovery(environment, judge, environment.proxies.redis.set({ kind: "none" }));
    },
  })),
  {
    id: "F22",
    what: "five busy programs on every processor, Redis as always",
    isLong: true,
    async run(environment, judge, { faultMs }) {
      const { hogs, stop } = startHogs(5 * navigator.hardwareConcurrency);
      try {
        const during = () => wait(10 * faultMs);
        const tally = await environment.drive({ path: "/echo/ok", during });
        judge.only("served or refused, nothing else", tally, ["200", closed]);
        const refused = tally.kinds[closed] ?? 0;
        const figure = `${refused} of ${tally.responses.length}`;
        judge.check("refused, below 0.1 percent", refused < tally.responses.length / 1000, figure);
        judge.check("busy programs", true, hogs);
        judge.check("p99, ms", true, percentile(times(tally), 99).toFixed(0));
      } finally {
        await stop();
      }
    },
  },
  {
    id: "F24",
    what: "Redis flaps, a second up and a second down",
    async run(environment, judge, { faultMs }) {
      const rounds = Math.max(2, Math.round(faultMs / 2_000));
      const outage = { kind: "responds", status: 500, body: "{}" } as const;
      const flap = async (): Promise<void> => {
        for (let round = 0; round < rounds; round++) {
          environment.redis.set(outage);
          await wait(1_000);
          environment.redis.set({ kind: "well" });
          await wait(1_000);
        }
      };
      const tally = await environment.drive({ path: "/echo/ok", during: flap });
      judge.only("served or refused, nothing else", tally, ["200", closed]);
      let probes = 0;
      const stayDown = async (): Promise<void> => {
        environment.redis.set(outage);
        await wait(openAfterMs);
        const before = environment.redis.calls();
        await wait(2_000);
        probes = environment.redis.calls() - before;
      };
      await environment.drive({ path: "/echo/ok", during: stayDown });
      judge.check("probes in 2 s of an outage", probes <= 3, probes);
    },
  },
  {
    id: "F25",
    what: "Redis is emptied",
    async run(environment, judge) {
      const gone = await revokeSomebody(environment);
      const during = async (): Promise<void> => {
        await wait(200);
        await environment.redis.flush();
        await wait(2_500);
      };
      const fault = during();
      const [strict, revoked] = await Promise.all([
        environment.drive({ path: "/echo/ok", during: () => fault }),
        driveAs(environment, gone, fault),
      ]);
      judge.only("served or refused meanwhile", strict, ["200", closed]);
      judge.check("revoked accepted", !("200" in revoked.kinds), revoked.kinds["200"] ?? 0);
      const refusedAt = strict.responses.filter(({ status }) => status === 503)
        .map(({ atMs }) => atMs);
      judge.within("refilled after", Math.max(200, ...refusedAt) - 200, 2_000);
    },
  },
  {
    id: "F26",
    what: "a replica lags behind the primary",
    async run(environment, judge, { faultMs }) {
      const lagMs = faultMs / 2;
      const gone = await environment.sign({});
      environment.redis.set({ kind: "lags", ms: lagMs });
      await environment.revoke(gone);
      const ms = await until(async () => {
        const { status, code } = await environment.get("/echo/ok", { person: gone });
        return status === 401 && code === "token_revoked";
      });
      judge.within("revocation is seen after", ms, lagMs + 250);
      judge.check("it is seen at all", Number.isFinite(ms));
    },
  },
  {
    id: "bounded",
    what: "a revocation on a route that checks every 2 s, on every gateway",
    async run(environment, judge) {
      const delays: number[] = [];
      for (let round = 0; round < 3; round++) {
        const gone = await environment.sign({});
        const isSeen = (gateway: number) => async () =>
          (await environment.get("/bounded/ok", { person: gone, gateway })).status === 401;
        const gateways = environment.gateways.map((_, at) => isSeen(at));
        await Promise.all(gateways.map((send) => send()));
        await environment.revoke(gone);
        delays.push(...await Promise.all(gateways.map((send) => until(send))));
      }
      judge.check("seen", delays.every(Number.isFinite), `${delays.length} times`);
      judge.within("p99", percentile(delays, 99), 2_000 + 250);
      judge.check("median, ms", true, percentile(delays, 50).toFixed(0));
    },
  },
  ...[20, 60, 120].map((ms): Case => ({
    id: "rtt",
    what: `a round trip to Redis takes ${ms} ms, the budget is that of the deployment`,
    isLong: true,
    async run(environment, judge, { faultMs }) {
      await environment.proxies.redis.set({ kind: "latency", ms });
      // The breaker does not count these calls, so every refusal here is the budget's.
      const tally = await environment.drive({ path: "/echo/ok", during: () => wait(2 * faultMs) });
      const refused = tally.kinds[closed] ?? 0;
      const share = 100 * refused / tally.responses.length;
      judge.check(
        "refused, percent",
        ms > 60 || share <= 1,
        `${share.toFixed(2)} of ${tally.responses.length}`,
      );
      judge.check("median, ms", true, percentile(times(tally), 50).toFixed(0));
      judge.check("p99, ms", true, percentile(times(tally), 99).toFixed(0));
    },
  })),
  {
    id: "strict",
    what: "a revocation on a route that checks every time, on every gateway",
    async run(environment, judge) {
      const sendToAll = (person: Person) =>
        Promise.all(
          environment.gateways.map((_, gateway) =>
            environment.get("/echo/ok", { person, gateway })
          ),
        );
      let accepted = 0;
      let sent = 0;
      for (let round = 0; round < 25; round++) {
        const gone = await environment.sign({});
        await sendToAll(gone);
        await environment.revoke(gone);
        const responses = await sendToAll(gone);
        sent += responses.length;
        accepted += responses.filter(({ status }) => status !== 401).length;
      }
      judge.check("accepted by the next request", accepted === 0, `${accepted} of ${sent}`);
    },
  },
];
