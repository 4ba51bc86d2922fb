import { DatabaseSync } from "node:sqlite";
import type { FixtureCase } from "./case.ts";
import { drive, type Received, request, wait } from "./load.ts";
import { type Fixture, gateways } from "./fixture.ts";

const rolls = 10;
/** Interval of the kills, in milliseconds. */
const killEveryMs = 5_000;

export const restartCases: readonly FixtureCase[] = [
  {
    id: "F74",
    what: "ten graceful restarts, one gateway after the other",
    isLong: true,
    async run(fixture, judge) {
      const restarting = (async () => {
        for (let at = 0; at < rolls; at++) {
          await fixture.restart(gateways[at % gateways.length] ?? "gateway a", "SIGTERM");
        }
      })();
      const courses = createCourses(fixture);
      const [reads, changes] = await Promise.all([
        drive({ perSecond: 50, during: () => restarting, send: () => read(fixture) }),
        drive({ perSecond: 5, during: () => restarting, send: () => courses.create() }),
      ]);
      judge.only("reads", reads, ["200"]);
      judge.only("changes", changes, ["201"]);
      judge.check("created, of those requested", ...courses.compare(fixture));
    },
  },
  {
    id: "F74",
    what: "a gateway is killed every five seconds",
    isLong: true,
    async run(fixture, judge) {
      const killing = (async () => {
        for (let at = 0; at < 4; at++) {
          const [pause] = [wait(killEveryMs)];
          await fixture.restart(gateways[at % gateways.length] ?? "gateway a", "SIGKILL");
          await pause;
        }
      })();
      const courses = createCourses(fixture, { tries: 5 });
      const [reads, changes] = await Promise.all([
        drive({ perSecond: 50, during: () => killing, send: () => read(fixture, 2) }),
        drive({ perSecond: 10, during: () => killing, send: () => courses.create() }),
      ]);
      judge.only("reads, with one more try", reads, ["200"]);
      judge.only("changes, repeated until they are served", changes, ["201"]);
      judge.check("created, of those requested", ...courses.compare(fixture));
    },
  },
];

/** Repeats a request that got no response. */
async function again(send: () => Promise<Received>, tries: number): Promise<Received> {
  const response = await send();
  return response.status !== 0 || tries <= 1 ? response : await again(send, tries - 1);
}

function read(fixture: Fixture, tries = 1): { caller: string; response: Promise<Received> } {
  const { learner, ids } = fixture.people;
  const send = () => fixture.get(`/courses/${ids.course}`, learner.token);
  return { caller: "any", response: again(send, tries) };
}

/** Creates courses, each with its own idempotency key, so that the request can be repeated. */
export function createCourses(
  { origin, people }: Fixture,
  { tries = 1, token = () => people.teacher.token } = {},
) {
  const run = crypto.randomUUID().slice(0, 8);
  let created = 0;
  return {
    create(): { caller: string; response: Promise<Received> } {
      const title = `Restart ${run} ${created++}`;
      const send = () =>
        request(`${origin}/courses`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${token()}`,
            "idempotency-key": title.replaceAll(" ", "-"),
          },
          body: JSON.stringify({ title, summary: "Again", tags: [] }),
        });
      return { caller: "any", response: again(send, tries) };
    },
    /** Created courses, and the number of distinct ones. */
    count: ({ databases }: Fixture) => countCourses(databases.course, `Restart ${run} %`),
    /** Whether the expected number of courses exist, each exactly once. */
    compare({ databases }: Fixture, expected = created): [isHeld: boolean, figure: string] {
      const made = countCourses(databases.course, `Restart ${run} %`);
      return [made.all === expected && made.different === expected, `${made.all} of ${expected}`];
    },
  };
}

function countCourses(file: string, like: string): { all: number; different: number } {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const row = database.prepare(
      "SELECT count(*) AS a, count(DISTINCT title) AS d FROM courses WHERE title LIKE ?",
    ).get(like);
    return { all: Number(row?.a), different: Number(row?.d) };
  } finally {
    database.close();
  }
}
