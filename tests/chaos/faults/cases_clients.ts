import { type Case, until } from "./case.ts";
import { wait } from "./load.ts";

const nowSeconds = () => Math.floor(Date.now() / 1000);

export const clientCases: readonly Case[] = [
  {
    id: "F52",
    what: "the issuer's key set is unavailable, during a flood of unknown keys",
    async run(environment, judge, { faultMs }) {
      await environment.proxies.jwks.set({ kind: "refuse" });
      const before = environment.jwksCalls();
      const unknown = await environment.sign({});
      const [header = "", ...rest] = unknown.token.split(".");
      const flood = Array.from(
        { length: 40 },
        (_, at) =>
          [btoa(atob(header).replace("f1", `x${at}`)).replaceAll("=", ""), ...rest].join("."),
      );
      const knownKeys = environment.drive({ path: "/echo/ok", during: () => wait(faultMs) });
      const refused = await Promise.all(
        flood.map((token) => environment.get("/echo/ok", { person: { sub: "nobody", token } })),
      );
      judge.only("known keys", await knownKeys, ["200"]);
      // Whether such a key is new cannot be asked now (D03).
      const later = refused.filter(({ status, code }) =>
        status === 503 && code === "upstream_unavailable"
      );
      judge.check("unknown keys come again", later.length === flood.length, later.length);
      await environment.proxies.jwks.set({ kind: "none" });
      for (const token of flood) {
        await environment.get("/echo/ok", { person: { sub: "nobody", token } });
      }
      const calls = environment.jwksCalls() - before;
      judge.check("key sets fetched", calls <= 2, calls);
    },
  },
  {
    id: "F60",
    what: "an issuer's clock is wrong",
    async run(environment, judge) {
      const rows = {
        "4 s ahead": [{ iat: nowSeconds() + 4 }, 200],
        "30 s ahead": [{ iat: nowSeconds() + 30 }, 401],
        "expired 3 s ago": [{ iat: nowSeconds() - 60, exp: nowSeconds() - 3 }, 200],
        "expired 30 s ago": [{ iat: nowSeconds() - 60, exp: nowSeconds() - 30 }, 401],
      } as const;
      for (const [what, [claims, expected]] of Object.entries(rows)) {
        const { status } = await environment.get("/echo/ok", {
          person: await environment.sign(claims),
        });
        judge.check(`a token ${what}`, status === expected, status);
      }
    },
  },
  {
    id: "F71",
    what: "a third of the clients disconnect before the response",
    async run(environment, judge, { faultMs }) {
      const [person] = environment.people;
      if (!person) return;
      const before = environment.upstream.aborted();
      const leavers: Promise<unknown>[] = [];
      const leaving = setInterval(() => {
        const init = { signal: AbortSignal.timeout(100) };
        leavers.push(environment.get("/other/slow?ms=600", { person, init }));
      }, 40);
      const stayers = await environment.drive({ path: "/other/ok", during: () => wait(faultMs) });
      clearInterval(leaving);
      await Promise.all(leavers);
      judge.only("who stays is served", stayers, ["200"]);
      const abortedAfter = await until(
        () => Promise.resolve(environment.upstream.aborted() - before >= leavers.length),
        {
          mostMs: 2_000,
        },
      );
      judge.check(
        "upstream calls that were aborted",
        Number.isFinite(abortedAfter),
        `${environment.upstream.aborted() - before} of ${leavers.length}`,
      );
    },
  },
  {
    id: "F37",
    what: "a stream continues until the access token expires",
    isLong: true,
    async run(environment, judge) {
      const life = 4;
      const person = await environment.sign({ exp: nowSeconds() + life });
      const startedAt = performance.now();
      const response = await fetch(`${environment.gateways[0]}/raw/ticks?ms=100`, {
        headers: { authorization: `Bearer ${person.token}` },
        signal: AbortSignal.timeout(30_000),
      });
      const reader = response.body?.getReader();
      await reader?.read();
      judge.within("first event", performance.now() - startedAt, 200);
      let ended = 0;
      try {
        while (reader && !(await reader.read()).done);
        ended = performance.now() - startedAt;
      } catch {
        ended = performance.now() - startedAt;
      }
      // The leeway is 5 s.
      judge.within("ended after", ended, (life + 5) * 1_000 + 1_500);
    },
  },
];
