import { type Case, type FixtureCase, until } from "./case.ts";
import { createCourses } from "./cases_restarts.ts";
import { openConnection, type RawResponse } from "./connection.ts";
import { sendCrowd } from "./crowd.ts";
import { drive, wait } from "./load.ts";
import { openDescriptors, runs } from "./machine.ts";

/** File descriptors left for clients and for upstream connections. */
const spareDescriptors = 10;
const crowdSize = 60;
const refusals = /^503 (revocation_unavailable|upstream_unavailable)$/;
/** A heap with room for only a few hundred page responses at a time, in MB. */
const heapMb = 64;

export const resourceCases: readonly Case[] = [
  {
    id: "F76",
    what: "a gateway has no file descriptor left",
    async run(environment, judge) {
      await using gateway = await environment.startGateway();
      const [person] = environment.people;
      const { hostname, port } = new URL(gateway.origin);
      const at = { hostname, port: Number(port), timeoutMs: 3_000 };
      const first = openConnection(at);
      await first.get("/echo/ok", person?.token);
      const most = openDescriptors(gateway.process) + spareDescriptors;
      const { pid } = gateway.process;
      if (!(await runs("prlimit", `--pid=${pid}`, `--nofile=${most}:${most}`))) {
        first.close();
        return judge.skip("prlimit is not there, or may not");
      }
      const crowd = Array.from({ length: crowdSize }, () => openConnection(at));
      const kinds = new Set<string>();
      for (let round = 0; round < 3; round++) {
        for (
          const response of await Promise.all(
            crowd.map((one) => one.get("/echo/ok", person?.token)),
          )
        ) {
          kinds.add(kindOf(response));
        }
        kinds.add(kindOf(await first.get("/echo/ok", person?.token)));
      }
      // A client without a connection gets no response; every other client gets one of these.
      const others = [...kinds].filter((kind) => !/^(0|200)$/.test(kind) && !refusals.test(kind));
      judge.check("200, 503, or no connection", others.length === 0, [...kinds].join(", "));
      judge.check("some are refused by 503", [...kinds].some((kind) => refusals.test(kind)));
      for (const one of [...crowd, first]) one.close();
      const well = await until(async () => {
        const again = openConnection(at);
        const { status } = await again.get("/echo/ok", person?.token);
        again.close();
        return status === 200;
      });
      judge.check("the same process goes on", Number.isFinite(well));
      judge.within("well again after", well, 5_000);
    },
  },
  {
    id: "F76",
    what: `a gateway has a heap of ${heapMb} MB, under many large requests`,
    async run(environment, judge, { faultMs }) {
      await using gateway = await environment.startGateway({
        flags: [`--v8-flags=--max-old-space-size=${heapMb}`],
      });
      const { origin } = gateway;
      const tally = await sendCrowd({
        origin,
        people: environment.people,
        path: "/patient/page",
        connections: 500,
        perSecond: 2_000,
        ms: faultMs,
      });
      const others = Object.keys(tally.kinds).filter((kind) => !/^(200|429|503)\b/.test(kind));
      const figure = Object.entries(tally.kinds).map(([kind, count]) => `${count} × ${kind}`);
      judge.check("200, or 503 and 429", others.length === 0, figure.join(", "));
      judge.check("wrong identity", tally.wrongIdentity === 0, tally.wrongIdentity);
      const [person] = environment.people;
      const well = await until(async () => {
        const again = openConnection({ hostname: "127.0.0.1", port: Number(new URL(origin).port) });
        const { status } = await again.get("/echo/ok", person?.token);
        again.close();
        return status === 200;
      });
      judge.check("the same process goes on", Number.isFinite(well));
      judge.within("well again after", well, 5_000);
    },
  },
];

export const fixtureResourceCases: readonly FixtureCase[] = [
  {
    id: "F76",
    what: "the disk under course is full",
    async run(fixture, judge, { faultMs }) {
      const { disk } = fixture;
      if (!disk) return judge.skip("a file system of its own cannot be mounted");
      const { learner, ids } = fixture.people;
      disk.fill();
      const courses = createCourses(fixture);
      const during = wait(Math.max(2_000, faultMs));
      const [changes, reads] = await Promise.all([
        drive({ perSecond: 20, during: () => during, send: () => courses.create() }),
        drive({
          perSecond: 20,
          during: () => during,
          send: () => ({
            caller: "any",
            response: fixture.get(`/courses/${ids.course}`, learner.token),
          }),
        }),
      ]);
      // The breaker in front of course opens, because course fails without disk space.
      const open = "503 upstream_unavailable";
      judge.only("changes", changes, ["201", "503 store_unavailable", open]);
      const refused = changes.kinds["503 store_unavailable"] ?? 0;
      judge.check("refused, once it was full", refused > 0, refused);
      judge.only("reads", reads, ["200", open]);
      disk.free();
      const well = await until(async () => (await courses.create().response).status === 201);
      judge.within("well again after", well, 5_000);
      judge.check("the same process goes on", Number.isFinite(well));
      const createdCount = (changes.kinds["201"] ?? 0) + 1;
      judge.check(
        "every created course was reported, and only those",
        ...courses.compare(fixture, createdCount),
      );
    },
  },
];

function kindOf({ status, body }: RawResponse): string {
  const [, code] = /"code":"(\w+)"/.exec(new TextDecoder().decode(body)) ?? [];
  return code === undefined ? String(status) : `${status} ${code}`;
}
