import assert from "node:assert/strict";
import { bearer, demoLearner, logIn, newTeacher } from "./support/dev_people.ts";
import { type DevSystem, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { isObject, objectAt } from "./support/json.ts";
import { readProjectFile } from "./support/markdown.ts";
import { readTour, type TourStep } from "./support/tour.ts";

const root = new URL("../", import.meta.url).pathname;
const tour = readTour(await readProjectFile("docs/operations.md"));

/** A generous limit: a machine that runs other tests at the same time may be slow. */
const patience = { REVOCATION_TIMEOUT_MS: "2000" };

/** The steps of the page, in order. */
const [backup, list, removeLog, restore, repair, lose, repairAgain] = tour;

Deno.test("a database restored by the page's steps is detected, and all services become consistent", async () => {
  assert.ok(backup && list && removeLog && restore && repair && lose && repairAgain);
  assert.equal(tour.length, 7);
  await using workspace = await temporaryWorkspace();
  const run = (step: TourStep, system?: DevSystem) => runStep(step, workspace.path, system);
  const lines = () => readLines(workspace.path, "course");
  let courses: Courses;
  {
    await using system = await startDev({ workspace: workspace.path, env: patience });
    courses = await createCourses(system, workspace.path);
    await run(backup);
    assert.equal(await run(list), list.output);
    await changeCourses(system, courses);
    assert.equal(await run(repair, system), repair.output);
    assert.deepEqual(await lines(), []);
  }
  await run(removeLog);
  await run(restore);
  {
    await using system = await startDev({ workspace: workspace.path, env: patience });
    const [line, ...others] = await lines();
    assert.ok(line);
    assert.deepEqual([line.level, line.service, others], ["error", "course", []]);
    assert.equal(await run(repair, system), repair.output);
    // A course deleted after the backup must not reappear.
    const deleted = await system.fetch(`/courses/${courses.deleted}`);
    assert.equal(deleted.status, 404, await deleted.text());
    const renamed = await system.fetch(`/courses/${courses.renamed}`);
    assert.match(await renamed.text(), /"Sailing before"/);
    await rename(system, courses, "Sailing at last");
    assert.equal(await run(repair, system), repair.output);
    await assertLearnerSees(system, "Sailing at last");
  }
  await run(lose);
  {
    await using system = await startDev({ workspace: workspace.path, env: patience });
    assert.equal(await run(repairAgain, system), repairAgain.output);
    assert.equal((await lines()).length, 1, "a mark that is lost is no sign of trouble");
  }
});

interface Courses {
  readonly teacher: { readonly email: string; readonly password: string };
  readonly renamed: string;
  readonly deleted: string;
}

async function createCourses(system: DevSystem, workspace: string): Promise<Courses> {
  const teacher = await newTeacher(system, workspace);
  const token = await logIn(system, teacher);
  const [renamed, deleted] = [
    await publish(system, token, "Sailing before"),
    await publish(system, token, "Knots"),
  ];
  const learner = await logIn(system, demoLearner);
  await send(system, learner, "POST", "/enrollments", { courseId: renamed });
  return { teacher, renamed, deleted };
}

/** Several changes, so that the sequence lags by more than one repair step. */
async function changeCourses(system: DevSystem, courses: Courses): Promise<void> {
  const { deleted } = courses;
  for (const title of ["Sailing II", "Sailing III", "Sailing IV", "Sailing V", "Sailing VI"]) {
    await rename(system, courses, title);
  }
  const token = await logIn(system, courses.teacher);
  await send(system, token, "DELETE", `/courses/${deleted}`);
  await publish(system, token, "Only after the backup");
}

async function publish(system: DevSystem, token: string, title: string): Promise<string> {
  const about = { title, summary: "Knots, wind, and the way home" };
  const { id } = await send(system, token, "POST", "/courses", about);
  const lesson = { title: "The bowline", content: "Out of the hole" };
  await send(system, token, "POST", `/courses/${id}/lessons`, lesson);
  await send(system, token, "POST", `/courses/${id}/publish`);
  return String(id);
}

async function rename(
  system: DevSystem,
  { teacher, renamed }: Courses,
  title: string,
): Promise<void> {
  const token = await logIn(system, teacher);
  await send(system, token, "PATCH", `/courses/${renamed}`, { title });
}

async function assertLearnerSees(system: DevSystem, title: string): Promise<void> {
  const token = await logIn(system, demoLearner);
  const response = await system.fetch("/enrollments", { headers: bearer(token) });
  assert.match(await response.text(), new RegExp(title));
}

async function send(
  system: DevSystem,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await system.fetch(path, {
    method,
    headers: { ...bearer(token), ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${text}`);
  const envelope: unknown = text === "" ? {} : JSON.parse(text);
  return isObject(envelope) && isObject(envelope.data) ? objectAt(envelope, "data") : {};
}

/** A step of the page, with another workspace path. */
async function runStep(
  { command }: TourStep,
  workspace: string,
  system: DevSystem | undefined,
): Promise<string> {
  const localised = command.replaceAll(".edgepass/", `${workspace}/`)
    .replaceAll(/(?<=mkdir |'|ls |cp )backup/g, `${workspace}/backup`);
  const env = {
    EDGEPASS_HOME: workspace,
    NO_COLOR: "1",
    ...(system ? { PORT: `${system.port}` } : {}),
  };
  const shell = new Deno.Command("sh", { args: ["-c", localised], cwd: root, env });
  const { stdout, stderr } = await shell.output();
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
}

/** A service's log lines about a sequence that went back. */
async function readLines(workspace: string, service: string): Promise<Record<string, unknown>[]> {
  const text = await Deno.readTextFile(`${workspace}/logs/${service}.jsonl`);
  return text.trim().split("\n").map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ message }) => String(message).startsWith("Event sequence went back"));
}
