import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { bearer, giveRoles, logIn, newTeacher } from "./support/dev_people.ts";
import { type DevSystem, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { isObject, objectAt } from "./support/json.ts";
import { publishTo } from "./support/published.ts";
import { waitUntil } from "./support/wait.ts";

const withinMs = 120_000;
/** A generous limit: a machine that runs other tests at the same time may be slow. */
const patience = { REVOCATION_TIMEOUT_MS: "2000" };
const person = {
  email: "leaves-for-good@example.test",
  password: "goes-away-and-stays-away",
  name: "Zacharias Unmistakable",
};
const credentials = { email: person.email, password: person.password };

Deno.test("a closed account leaves no byte in any database after a clean stop", async () => {
  await using workspace = await temporaryWorkspace();
  {
    await using system = await startDev({ workspace: workspace.path, env: patience });
    const id = await useEverything(system, workspace.path);
    const hash = readOne(
      workspace.path,
      "auth",
      "SELECT password_hash FROM accounts WHERE id = ?",
      id,
    );
    assert.equal(countStoredResponses(workspace.path, id), 3, "sign-up, draft and enrollment");
    assert.match(hash, /^\$argon2id\$/);
    const traces = [person.email, person.name, hash, "Unmistakable draft"];
    const isThere = await findTraces(workspace.path, traces);
    assert.deepEqual(isThere, traces, "the test would see them");
    await publishTo(await readQstash(workspace.path), "course", {
      type: "user.unheard",
      id: "poison",
      subject: id,
      data: { name: person.name },
    }, `http://127.0.0.1:${system.port}`);
    await waitUntil(
      "the poison event is a dead letter",
      () => countDeadLetters(workspace.path) === 1,
      withinMs,
    );

    const token = await logIn(system, credentials);
    const closed = await system.fetch("/users/me", { method: "DELETE", headers: bearer(token) });
    assert.equal(closed.status, 204, await closed.text());
    const isGone = () =>
      countDeadLetters(workspace.path) === 0 && countStoredResponses(workspace.path, id) === 0;
    await waitUntil("responses and dead letters are gone", isGone, withinMs);
    assert.equal((await system.end("SIGTERM")).code, 0);
    assert.deepEqual(await findTraces(workspace.path, traces), []);
  }
});

/** Signs up, teaches and learns, each with an `Idempotency-Key`; returns the account's id. */
async function useEverything(system: DevSystem, workspace: string): Promise<string> {
  const { id } = await create(system, "/auth/signup", person);
  await giveRoles(system, workspace, String(id));
  const token = await logIn(system, credentials);
  const draft = { title: "Unmistakable draft", summary: "Only mine" };
  await create(system, "/courses", draft, token);
  const teacher = await logIn(system, await newTeacher(system, workspace));
  const about = { title: "Sailing", summary: "Knots, wind, and the way home" };
  const course = await create(system, "/courses", about, teacher);
  const lesson = { title: "The bowline", content: "Out of the hole" };
  await create(system, `/courses/${course.id}/lessons`, lesson, teacher);
  const published = await system.fetch(`/courses/${course.id}/publish`, {
    method: "POST",
    headers: bearer(teacher),
  });
  assert.equal(published.status, 200, await published.text());
  await create(system, "/enrollments", { courseId: course.id }, token);
  return String(id);
}

async function create(system: DevSystem, path: string, body: unknown, token?: string) {
  const response = await system.fetch(path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "idempotency-key": "once",
      ...(token === undefined ? {} : bearer(token)),
    },
    body: JSON.stringify(body),
  });
  const envelope: unknown = await response.json();
  assert.equal(response.status, 201, JSON.stringify(envelope));
  assert.ok(isObject(envelope));
  return objectAt(envelope, "data");
}

function readOne(workspace: string, service: string, sql: string, ...params: string[]): string {
  using database = new DatabaseSync(`${workspace}/db/${service}.sqlite`, { readOnly: true });
  const row = database.prepare(sql).get(...params) ?? {};
  return String(Object.values(row)[0]);
}

/** Number of dead letters in the local QStash; its database is read while its process runs. */
function countDeadLetters(workspace: string): number {
  using database = new DatabaseSync(`${workspace}/qstash/dev.sqlite`, { readOnly: true });
  return Number(database.prepare("SELECT count(*) AS n FROM dead_letters").get()?.n);
}

/** Number of stored responses for this user, and for the sign-up of this account. */
function countStoredResponses(workspace: string, id: string): number {
  return ["auth", "course", "enrollment"].reduce((sum, service) => {
    const sql = "SELECT count(*) FROM idempotency_keys WHERE caller = ? OR instr(body, ?) > 0";
    return sum + Number(readOne(workspace, service, sql, `user:${id}`, id));
  }, 0);
}

/** The given strings that occur in the bytes of a database file or of its log file. */
async function findTraces(workspace: string, texts: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of ["db", "qstash"]) {
    for await (const { name, isFile } of Deno.readDir(`${workspace}/${folder}`)) {
      if (!isFile || !name.includes("sqlite")) continue;
      const bytes = await Deno.readFile(`${workspace}/${folder}/${name}`);
      const content = new TextDecoder("latin1").decode(bytes);
      for (const text of texts) if (content.includes(text)) found.add(text);
    }
  }
  return texts.filter((text) => found.has(text));
}

async function readQstash(workspace: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(`${workspace}/dev.env`);
  return Object.fromEntries(
    [...text.matchAll(/^(QSTASH_\w+)='(.+)'$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
