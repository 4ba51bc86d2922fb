import { DatabaseSync } from "node:sqlite";
import { createRandom, type Random } from "../random.ts";
import type { Fault } from "../tcp_proxy.ts";
import { createCourses } from "./cases_restarts.ts";
import type { FixtureCase } from "./case.ts";
import { drive, type Received, request, type Tally, wait } from "./load.ts";
import { type Fixture, gateways } from "./fixture.ts";

/** A fault that lasts for a while. */
interface Trouble {
  readonly name: string;
  /** Protected requests must be refused meanwhile. */
  readonly isFailClosed?: boolean;
  start(fixture: Fixture): Promise<void>;
}

const garbage = new TextEncoder().encode("no HTTP at all\r\n\r\n");
const ofBytes: Readonly<Record<string, Fault>> = {
  "refuses": { kind: "refuse" },
  "is silent": { kind: "silent" },
  "resets": { kind: "reset" },
  "is slow": { kind: "latency", ms: 3_000 },
  "breaks off": { kind: "cut", afterBytes: 20, how: "reset" },
  "sends garbage": { kind: "garbage", bytes: garbage },
};

const troubles: readonly Trouble[] = [
  ...(["course", "user", "recommender", "redis"] as const).flatMap((name) =>
    Object.entries(ofBytes).map(([what, fault]): Trouble => ({
      name: `${name} ${what}`,
      isFailClosed: name === "redis",
      start: (fixture) => fixture.proxies[name].set(fault),
    }))
  ),
  {
    name: "redis is 40 ms slower",
    start: ({ proxies }) => proxies.redis.set({ kind: "latency", ms: 40 }),
  },
  {
    name: "redis is emptied",
    isFailClosed: true,
    start: ({ redis }) => redis.flush(),
  },
  ...gateways.flatMap((name) =>
    (["SIGTERM", "SIGKILL"] as const).map((how): Trouble => ({
      name: `${name} gets ${how}`,
      start: (fixture) => fixture.restart(name, how),
    }))
  ),
];

/** The breaker in front of Redis is closed again by then, in milliseconds. */
const afterwardsMs = 2_500;
const closed = "503 revocation_unavailable";

/** The responses that a write may get while a dependency is unavailable. */
const changing = [
  "201",
  closed,
  "503 upstream_unavailable",
  "502 upstream_bad_response",
  "504 upstream_timeout",
  // The first attempt is still in progress, or its gateway died with it.
  "409 conflict",
];

/** All faults at random; this case comes last, because it logs a user out. */
export const randomCases: readonly FixtureCase[] = [{
  id: "F77",
  what: "all faults at random",
  isLong: true,
  async run(fixture, judge, { randomMs, seed }) {
    const { mint, learner, teacher, other } = fixture.people;
    using tokens = await keepFresh(mint, [learner, teacher]);
    const gone = await endLogins(fixture, other.token);
    const courses = createCourses(fixture, { tries: 20, token: () => tokens.of(teacher) });
    const trouble = makeTrouble(fixture, createRandom(seed), performance.now() + randomMs);
    const during = () => trouble.over;
    const readAs = async (token: string | Promise<string>): Promise<Received> =>
      await fixture.get("/users/me", await token);
    const readSelf = (person: { id: string; token: string }) => () => ({
      caller: person.id,
      response: again(() => fixture.get("/users/me", tokens.of(person))),
    });
    const forge = () => ({ caller: "none", response: readAs(mint.forge(tokens.of(learner))) });
    const [reads, others, revoked, forged, changes, guests] = await Promise.all([
      drive({ perSecond: 30, during, send: readSelf(learner) }),
      drive({ perSecond: 10, during, send: readSelf(teacher) }),
      drive({ perSecond: 10, during, send: () => ({ caller: "gone", response: readAs(gone) }) }),
      drive({ perSecond: 10, during, send: forge }),
      drive({ perSecond: 4, during, send: () => courses.create() }),
      drive({ perSecond: 0.5, during, send: () => signUp(fixture) }),
    ]);
    await fixture.heal();
    judge.check("seed", true, seed);
    judge.check("things that went wrong", true, trouble.count());
    const lost = countLost(fixture);
    judge.check("events lost", lost === 0, `${lost}, of ${guests.responses.length} people`);
    judge.check("effects are there once", ...compareCreated(courses.count(fixture), changes));
    const wrong = reads.wrongIdentity + others.wrongIdentity;
    judge.check("wrong identity", wrong === 0, wrong);
    const accepted = (revoked.kinds["200"] ?? 0) + (forged.kinds["200"] ?? 0);
    judge.check("revoked or forged accepted", accepted === 0, accepted);
    judge.only("reads", reads, ["200", closed]);
    judge.only("changes", changes, changing);
    judge.only("revoked", anonymous(revoked), ["401 token_revoked", closed, "0"]);
    judge.only("forged", anonymous(forged), ["401 token_invalid", "0"]);
    judge.check("reads outside of fail-closed windows", ...available(reads, trouble.closedWindows));
  },
}];

/** Responses to anonymous requests have no subject to check. */
function anonymous(tally: Tally): Tally {
  return { ...tally, wrongIdentity: 0 };
}

/** Applies one fault after the other, and records when protected requests had to be refused. */
function makeTrouble(
  fixture: Fixture,
  random: Random,
  until: number,
) {
  const startedAt = performance.now();
  const closedWindows: { fromMs: number; toMs: number }[] = [];
  const at = () => performance.now() - startedAt;
  let count = 0;
  const over = (async () => {
    while (performance.now() < until) {
      await wait(500 + random.below(1_500));
      const trouble = random.pick(troubles);
      if (!trouble) return;
      count++;
      const fromMs = at();
      await trouble.start(fixture);
      await wait(500 + random.below(2_500));
      for (const proxy of Object.values(fixture.proxies)) await proxy.set({ kind: "none" });
      if (trouble.isFailClosed) closedWindows.push({ fromMs, toMs: at() + afterwardsMs });
    }
    await wait(afterwardsMs);
  })();
  return { over, closedWindows, count: () => count };
}

/** Tokens that never expire: signed again as auth would, long before their end. */
async function keepFresh(
  mint: Fixture["people"]["mint"],
  people: readonly { readonly id: string; readonly token: string }[],
) {
  const fresh = new Map<string, string>();
  const renew = async (): Promise<void> => {
    const iat = Math.floor(Date.now() / 1000);
    for (const { id, token } of people) {
      fresh.set(id, await mint.again(token, { iat, exp: iat + 600 }));
    }
  };
  await renew();
  const timer = setInterval(renew, 120_000);
  return {
    of: ({ id, token }: { id: string; token: string }) => fresh.get(id) ?? token,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Ends all logins of a user, and returns the token that this revokes. */
async function endLogins({ get }: Fixture, token: string): Promise<string> {
  const { status } = await get("/auth/logout-all", token, { method: "POST" });
  if (status !== 204) throw new Error(`Cannot log out: ${status}`);
  return token;
}

function signUp({ origin }: Fixture): { caller: string; response: Promise<Received> } {
  const email = `${crypto.randomUUID()}@edgepass.local`;
  const body = { email, password: "a sentence that only I would think of", name: "Demo Guest" };
  const response = request(`${origin}/auth/signup`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { caller: "any", response };
}

/** A reader repeats a request once that got no response. */
async function again(send: () => Promise<Received>): Promise<Received> {
  const response = await send();
  return response.status === 0 ? await send() : response;
}

/** Accounts without an event; no event is delivered here, so all of them are in the outbox. */
function countLost({ databases }: Fixture): number {
  const database = new DatabaseSync(databases.auth, { readOnly: true });
  try {
    const row = database.prepare(
      "SELECT count(*) AS n FROM accounts WHERE id NOT IN (SELECT subject FROM outbox)",
    ).get();
    return Number(row?.n);
  } finally {
    database.close();
  }
}

/** Every course reported as created exists, and none exists twice. */
function compareCreated(
  { all, different }: { all: number; different: number },
  { kinds, responses }: Tally,
): [boolean, string] {
  const reported = kinds["201"] ?? 0;
  const isHeld = all === different && all >= reported && all <= responses.length;
  return [isHeld, `${all} created, ${different} distinct, ${reported} reported`];
}

function available(
  { responses }: Tally,
  windows: readonly { readonly fromMs: number; readonly toMs: number }[],
): [boolean, string] {
  const outside = responses.filter(({ atMs, ms }) =>
    windows.every(({ fromMs, toMs }) => atMs + ms < fromMs || atMs > toMs)
  );
  const good = outside.filter(({ status }) => status === 200).length;
  const percent = outside.length === 0 ? 100 : 100 * good / outside.length;
  return [percent >= 99, `${percent.toFixed(2)} percent of ${outside.length}`];
}
