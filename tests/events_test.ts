import { deliveryRoutes } from "@edgepass/app/routes";
import { eventTypes } from "@edgepass/contracts";
import assert from "node:assert/strict";
import {
  dataOf,
  type Environment,
  logIn as logInTo,
  newPerson,
} from "./suite/product_environment.ts";
import { startCollector } from "./support/collector.ts";
import { bearer, demoInstructor, expectSuccess, logIn } from "./support/dev_people.ts";
import {
  type DevSystem,
  startDev,
  temporaryWorkspace,
  waitUntilGone,
} from "./support/dev_system.ts";
import { isObject, objectAt } from "./support/json.ts";
import { startQstash } from "./support/qstash.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

const deliveredWithinMs = 20_000;
/** Span kinds as OTLP numbers them. */
const [producer, consumer] = [4, 5];

for (const placement of ["Deno, all in one", "workerd, all in one"] as const) {
  Deno.test(`services apply a change that another service made: ${placement}`, async (t) => {
    await using collector = startCollector();
    await using qstash = startQstash();
    await using target = await targets[placement]({
      ...qstash.settings,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
    qstash.deliverTo(target.fetch);
    const send = createSend(target);

    await t.step("a delivery without a signature is refused, for every service", async () => {
      for (const path of Object.keys(deliveryRoutes)) {
        const response = await target.fetch(path, { method: "POST", body: "{}" });
        const { code } = await response.json();
        assert.deepEqual([response.status, code], [401, "event_signature_invalid"], path);
      }
    });

    await t.step("a course shows the new name of its instructor", async () => {
      const admin = await logInTo(send, target.admin);
      const teacher = await newPerson(send, admin, ["learner", "instructor"]);
      const { token } = teacher;
      const id = await publishCourse(send, token);
      assert.equal(await readInstructor(send, id), "Demo Learner");
      const traceId = await rename(send, token, "Demo Navigator");
      await waitUntilRenamed(send, id, "Demo Navigator");

      const spans = (kind: number) => collector.spans(traceId).filter((span) => span.kind === kind);
      const consumed = () => spans(consumer).map(({ service }) => service).toSorted();
      const { consumers } = eventTypes["user.profile-changed"];
      const areThere = () => consumed().length >= consumers.length && spans(producer).length > 0;
      await waitUntil("spans of publication and consumers", areThere, deliveredWithinMs);
      assert.deepEqual(consumed(), consumers.toSorted());
      const names = new Set(spans(consumer).map(({ name }) => name));
      assert.deepEqual([...names], ["process user.profile-changed"]);
      const isWhole = () => {
        const all = collector.spans(traceId);
        const ids = new Set(all.map(({ spanId }) => spanId));
        return all.filter(({ parentSpanId }) => !ids.has(parentSpanId)).length === 1;
      };
      await waitUntil("one trace with one root", isWhole, deliveredWithinMs);
    });
  });
}

/**
 * What delays a change's delivery until the system is killed, and whether the consumers had applied
 * it.
 */
const obstacles = {
  "before it is published": { faults: { apiError: 1 }, isApplied: false },
  "before it is delivered": { faults: { delay: 1, delayMs: 2_000 }, isApplied: false },
  "after its effect, before the acknowledgement": { faults: { lostAnswer: 1 }, isApplied: true },
} as const;
/** A killed publisher leaves its claim, which lasts a minute. */
const agreeWithinMs = 90_000;

Deno.test("services are consistent after all processes were killed between a change and its delivery", async () => {
  await using workspace = await temporaryWorkspace();
  let port: number | undefined;
  for (const [at, [when, { faults, isApplied }]] of Object.entries(obstacles).entries()) {
    const name = `Demo Navigator ${at}`;
    let id: string;
    {
      await using system = await startDev({ workspace: workspace.path, ...(port ? { port } : {}) });
      port = system.port;
      const send = createSend(system);
      const token = await logIn(system, demoInstructor);
      id = await findOwnCourse(system, token);
      await setFaults(workspace.path, faults);
      await rename(send, token, name);
      if (isApplied) await waitUntilRenamed(send, id, name);
      else assert.notEqual(await readInstructor(send, id), name);
      const family = await system.family();
      for (const pid of family) kill(pid);
      await waitUntilGone(family);
    }
    await using system = await startDev({ workspace: workspace.path, port });
    await setFaults(workspace.path, {});
    const send = createSend(system);
    const isConsistent = async () => await readInstructor(send, id) === name;
    await waitUntil(`the change killed ${when} is applied`, isConsistent, agreeWithinMs);
  }
});

Deno.test("a configured QStash is used, and none is served", async () => {
  await using first = await temporaryWorkspace();
  await using second = await temporaryWorkspace();
  await using _owner = await startDev({ workspace: first.path });
  const env = await readQstash(first.path);
  await using guest = await startDev({ workspace: second.path, env });
  const send = createSend(guest);
  const token = await logIn(guest, demoInstructor);
  const id = await findOwnCourse(guest, token);
  await rename(send, token, "Demo Navigator");
  await waitUntilRenamed(send, id, "Demo Navigator");
  assert.deepEqual([...Deno.readDirSync(`${second.path}/qstash`)], []);
});

/** Ways to run dev in which a delivery takes another route to its service. */
const ways = {
  "every service is a separate process": { args: ["--split"] },
  "the public origin resolves to another host": { env: { PUBLIC_ORIGIN: "https://learn.test" } },
} as const;

for (const [way, options] of Object.entries(ways)) {
  Deno.test(`deliveries arrive although ${way}`, async () => {
    await using workspace = await temporaryWorkspace();
    await using _system = await startDev({ workspace: workspace.path, ...options });
    // The demo users' accounts, and the published courses.
    for (const service of ["user", "enrollment"]) {
      const path = `${workspace.path}/logs/${service}.jsonl`;
      const hasApplied = async () => (await Deno.readTextFile(path)).includes('"Event handled"');
      await waitUntil(`${service} has the demo data`, hasApplied, deliveredWithinMs);
    }
  });
}

function createSend({ fetch }: Pick<Target | DevSystem, "fetch">): Environment["send"] {
  return async function send({ method = "GET", path, bearer: token, body }) {
    return await fetch(path, {
      method,
      headers: {
        ...(token === undefined ? {} : bearer(token)),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
}

async function publishCourse(send: Environment["send"], token: string): Promise<string> {
  const body = { title: "Sailing", summary: "Knots, wind, and the way home", tags: [] };
  const post = { method: "POST", bearer: token };
  const { id } = await dataOf(send({ ...post, path: "/courses", body }), 201);
  const lesson = { title: "The bowline", content: "Out of the hole" };
  await dataOf(send({ ...post, path: `/courses/${id}/lessons`, body: lesson }), 201);
  await dataOf(send({ ...post, path: `/courses/${id}/publish` }));
  return String(id);
}

/** Changes a user's name, and returns the trace id of that request. */
async function rename(send: Environment["send"], token: string, name: string): Promise<string> {
  const response = await send({
    method: "PATCH",
    path: "/users/me",
    bearer: token,
    body: { name },
  });
  assert.equal((await expectSuccess(response)).name, name);
  return response.headers.get("x-trace-id") ?? "";
}

async function readInstructor(send: Environment["send"], id: string): Promise<unknown> {
  return objectAt(await dataOf(send({ path: `/courses/${id}` })), "instructor").name;
}

async function waitUntilRenamed(
  send: Environment["send"],
  id: string,
  name: string,
): Promise<void> {
  const isRenamed = async () => await readInstructor(send, id) === name;
  await waitUntil("the course shows the new name", isRenamed, deliveredWithinMs);
}

async function findOwnCourse(system: DevSystem, token: string): Promise<string> {
  const { items } = await expectSuccess(
    await system.fetch("/courses?mine=true", { headers: bearer(token) }),
  );
  const published = Array.isArray(items)
    ? items.filter(isObject).find(({ state }) => state === "published")
    : undefined;
  assert.ok(published);
  return String(published.id);
}

/** The QStash settings of a dev system. */
async function readQstash(workspace: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(`${workspace}/dev.env`);
  const found = [...text.matchAll(/^(QSTASH_\w+)='(.+)'$/gm)];
  assert.equal(found.length, 4);
  return Object.fromEntries(found.map(([, name, value]) => [name, value]));
}

/** Sets the faults of a dev system's QStash. */
async function setFaults(
  workspace: string,
  faults: Readonly<Record<string, number>>,
): Promise<void> {
  const { QSTASH_URL, QSTASH_TOKEN = "" } = await readQstash(workspace);
  const response = await fetch(`${QSTASH_URL}/v2/local/faults`, {
    method: "PUT",
    headers: bearer(QSTASH_TOKEN),
    body: JSON.stringify(faults),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Some of the process group may already have exited with its first process. */
function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
