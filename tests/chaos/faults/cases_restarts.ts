import { DatabaseSync } from "node:sqlite";
import type { FixtureCase } from "./case.ts";
import { type Answered, ask, drive, wait } from "./load.ts";
import { type Fixture, gateways } from "./fixture.ts";

const rolls = 10;
/** Between two kills, in milliseconds. */
const killEveryMs = 5_000;

export const restartCases: readonly FixtureCase[] = [
  {
    id: "F74",
    what: "ten restarts, each told before, one gateway after the other",
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
      judge.check("made, of those asked for", ...courses.compare(fixture));
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
      judge.only("changes, asked for until they are answered", changes, ["201"]);
      judge.check("made, of those asked for", ...courses.compare(fixture));
    },
  },
];

/** Asks once more where no answer came. */
async function again(send: () => Promise<Answered>, tries: number): Promise<Answered> {
  const answer = await send();
  return answer.status !== 0 || tries <= 1 ? answer : await again(send, tries - 1);
}

function read(fixture: Fixture, tries = 1): { asked: string; answer: Promise<Answered> } {
  const { learner, ids } = fixture.people;
  const send = () => fixture.get(`/courses/${ids.course}`, learner.token);
  return { asked: "anybody", answer: again(send, tries) };
}

/** Has courses made, each with a key of its own, so that it may be asked for again. */
export function createCourses(
  { origin, people }: Fixture,
  { tries = 1, token = () => people.teacher.token } = {},
) {
  const run = crypto.randomUUID().slice(0, 8);
  let asked = 0;
  return {
    create(): { asked: string; answer: Promise<Answered> } {
      const title = `Restart ${run} ${asked++}`;
      const send = () =>
        ask(`${origin}/courses`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${token()}`,
            "idempotency-key": title.replaceAll(" ", "-"),
          },
          body: JSON.stringify({ title, summary: "Again", tags: [] }),
        });
      return { asked: "anybody", answer: again(send, tries) };
    },
    /** Courses that were made, and how many different ones. */
    count: ({ databases }: Fixture) => countCourses(databases.course, `Restart ${run} %`),
    /** Whether each course that was asked for, or so many of them, are there once. */
    compare({ databases }: Fixture, wanted = asked): [isHeld: boolean, figure: string] {
      const made = countCourses(databases.course, `Restart ${run} %`);
      return [made.all === wanted && made.different === wanted, `${made.all} of ${wanted}`];
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
