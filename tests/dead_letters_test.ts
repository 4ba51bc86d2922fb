import { eventAdminRoutes, routes } from "@edgepass/app/routes";
import assert from "node:assert/strict";
import { dataOf, type Environment, logIn, newPerson } from "./suite/product_environment.ts";
import { isObject, type Json, objectAt } from "./support/json.ts";
import { isQuiet, publishTo } from "./support/published.ts";
import { startQstash } from "./support/qstash.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

const withinMs = 20_000;

/** How deliveries to one address fail; QStash retries at once. */
type Obstacle = (deliver: () => Promise<Response>) => Promise<Response>;
const again = { "retry-after": "0" };
const isDown: Obstacle = () =>
  Promise.resolve(new Response("down", { status: 500, headers: again }));
const losesAnswers: Obstacle = async (deliver) => {
  await (await deliver()).body?.cancel();
  return new Response(null, { status: 502, headers: again });
};

for (const placement of ["Deno, all in one", "workerd, all in one"] as const) {
  Deno.test(`administrators handle dead letters: ${placement}`, async (t) => {
    await using qstash = startQstash();
    await using target = await targets[placement](qstash.settings);
    const obstacles = new Map<string, Obstacle>();
    qstash.deliverTo((path, init) => {
      const deliver = () => target.fetch(path, init);
      return obstacles.get(path)?.(deliver) ?? deliver();
    });
    const send = createSend(target);
    const admin = await logIn(send, target.admin);
    const teacher = await newPerson(send, admin, ["learner", "instructor"]);
    const course = await publishCourse(send, teacher.token);
    const deadLetters = createDeadLetters(send, admin.token);
    const rename = (name: string) => renameTo(send, teacher.token, name);
    const isNamed = async (name: string) => await readInstructor(send, course) === name;

    await t.step(
      "a poison event is a dead letter within seconds and blocks no other event [E04]",
      async () => {
        await publishTo(qstash.settings, "user", { id: "e-poison", type: "user.unheard" });
        await rename("Demo Navigator");
        await waitUntil(
          "the poison is listed",
          async () => (await deadLetters.list("user")).length === 1,
          5_000,
        );
        await waitUntil("the rename is applied", () => isNamed("Demo Navigator"), withinMs);
        const [deadLetter] = await deadLetters.list("user");
        assert.deepEqual(
          [deadLetter?.eventId, deadLetter?.status, deadLetter?.poison, deadLetter?.attempts],
          ["e-poison", 489, true, null],
        );
        for (const other of ["auth", "course", "enrollment"]) {
          assert.deepEqual(await deadLetters.list(other), [], other);
        }
      },
    );

    await t.step("a dead letter is shown with its event and the last response", async () => {
      const id = await deadLetters.onlyId("user");
      const complete = await deadLetters.get("user", id);
      assert.deepEqual(complete.event, { id: "e-poison", type: "user.unheard" });
      const envelope: unknown = JSON.parse(String(complete.answer));
      assert.ok(isObject(envelope));
      assert.deepEqual([envelope.code, complete.reason], [
        "event_unusable",
        "The event is not a CloudEvent of ours",
      ]);
    });

    await t.step("a poison event can be replayed once per failure, and deleted", async () => {
      const id = await deadLetters.onlyId("user");
      assert.equal(await deadLetters.call("POST", "user", `/${id}/replay`), "200");
      assert.equal(await deadLetters.call("POST", "user", `/${id}/replay`), "404 not_found");
      const isBack = async () =>
        (await deadLetters.list("user")).some((deadLetter) => deadLetter.id !== id);
      await waitUntil("it is a dead letter again", isBack, withinMs);
      const next = await deadLetters.onlyId("user");
      assert.equal(await deadLetters.call("DELETE", "user", `/${next}`), "204");
      assert.equal(await deadLetters.call("DELETE", "user", `/${next}`), "404 not_found");
      assert.deepEqual(await deadLetters.list("user"), []);
    });

    await t.step("a replay never overwrites newer data [E06]", async () => {
      obstacles.set("/events/course", losesAnswers);
      await rename("Demo Rower");
      await waitUntil(
        "it is a dead letter",
        async () => (await deadLetters.list("course")).length === 1,
        withinMs,
      );
      obstacles.clear();
      const [deadLetter] = await deadLetters.list("course");
      assert.deepEqual([deadLetter?.status, deadLetter?.poison, deadLetter?.attempts], [
        502,
        false,
        6,
      ]);
      await rename("Demo Captain");
      await waitUntil("the newer name is applied", () => isNamed("Demo Captain"), withinMs);
      const before = await readCourse(send, course);
      assert.equal(await deadLetters.call("POST", "course", "/replay"), "200");
      await waitUntil("QStash is done", () => isQuiet(qstash.settings), withinMs);
      assert.deepEqual(await readCourse(send, course), before);
      assert.deepEqual(await deadLetters.list("course"), []);
    });

    await t.step(
      "a consumer that was down for long gets its dead letters by its scheduled maintenance",
      async () => {
        obstacles.set("/events/course", isDown);
        await rename("Demo Pilot");
        await waitUntil(
          "it is a dead letter",
          async () => (await deadLetters.list("course")).length === 1,
          withinMs,
        );
        await publishTo(qstash.settings, "user", { id: "e-poison" });
        await waitUntil(
          "the poison event is a dead letter",
          async () => (await deadLetters.list("user")).length === 1,
          withinMs,
        );
        obstacles.clear();
        assert.ok(!await isNamed("Demo Pilot"));
        await target.maintain();
        await waitUntil("the rename is applied", () => isNamed("Demo Pilot"), withinMs);
        assert.deepEqual(await deadLetters.list("course"), []);
        assert.equal(
          (await deadLetters.list("user")).length,
          1,
          "poison events need a person's decision",
        );
      },
    );

    await t.step("only administrators have access [E06]", async () => {
      const id = await deadLetters.onlyId("user");
      const learner = await newPerson(send, admin, ["learner"]);
      for (const base of Object.keys(eventAdminRoutes).map((path) => path.replace("/*", ""))) {
        for (const [method, path] of operations(id)) {
          const as = (token?: string) =>
            codeOf(
              send({ method, path: base + path, ...token === undefined ? {} : { bearer: token } }),
            );
          assert.equal(await as(), "401 authentication_required", `${method} ${base}${path}`);
          assert.equal(await as(learner.token), "403 forbidden", `${method} ${base}${path}`);
          assert.equal(await as(teacher.token), "403 forbidden", `${method} ${base}${path}`);
        }
      }
      assert.equal((await deadLetters.list("user")).length, 1);
    });

    await t.step("an administrator reads each outbox and unparks its events", async () => {
      for (const base of Object.keys(eventAdminRoutes).map((path) => path.replace("/*", ""))) {
        const outbox = await dataOf(send({ path: `${base}/outbox`, bearer: admin.token }));
        assert.deepEqual(outbox, { waiting: 0, oldestSeconds: null, parked: [] });
        const post = { method: "POST", path: `${base}/outbox/unpark`, bearer: admin.token };
        assert.deepEqual(await dataOf(send(post)), { unparked: 0 });
      }
    });
  });
}

Deno.test("every service has an administrators' route for its events, separate from its own routes", () => {
  const services = new Set(Object.values(routes).map(({ service }) => service));
  assert.equal(Object.keys(eventAdminRoutes).length, services.size);
  for (const [path, { service, access }] of Object.entries(eventAdminRoutes)) {
    assert.equal(path, `/admin/events/${service.toLowerCase()}/*`);
    const only = { roles: ["admin"] };
    assert.deepEqual(access, { GET: only, POST: only, DELETE: only });
    assert.ok(!Object.hasOwn(routes, path));
  }
});

const operations = (id: string) =>
  [
    ["GET", "/dead-letters"],
    ["GET", `/dead-letters/${id}`],
    ["POST", `/dead-letters/${id}/replay`],
    ["POST", "/dead-letters/replay?poison=true"],
    ["DELETE", `/dead-letters/${id}`],
    ["GET", "/outbox"],
    ["POST", "/outbox/unpark"],
  ] as const;

function createSend({ fetch }: Pick<Target, "fetch">): Environment["send"] {
  return async function send({ method = "GET", path, bearer, body }) {
    return await fetch(path, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
}

/** The dead letters of services, as an administrator sees them. */
function createDeadLetters(send: Environment["send"], bearer: string) {
  const path = (service: string, rest: string) => `/admin/events/${service}/dead-letters${rest}`;
  const get = (service: string, id: string) =>
    dataOf(send({ path: path(service, `/${id}`), bearer }));
  async function list(service: string): Promise<Json[]> {
    const { items } = await dataOf(send({ path: path(service, ""), bearer }));
    assert.ok(Array.isArray(items));
    return items;
  }
  async function onlyId(service: string): Promise<string> {
    const [deadLetter, ...others] = await list(service);
    assert.ok(deadLetter && others.length === 0);
    return String(deadLetter.id);
  }
  const call = (method: string, service: string, rest: string) =>
    codeOf(send({ method, path: path(service, rest), bearer }));
  return { list, get, onlyId, call };
}

/** The status and, for a failure, the problem code. */
async function codeOf(pending: Promise<Response>): Promise<string> {
  const response = await pending;
  const text = await response.text();
  const envelope: unknown = text === "" ? {} : JSON.parse(text);
  assert.ok(isObject(envelope));
  return `${response.status} ${objectAt(envelope, "error").code ?? ""}`.trim();
}

async function publishCourse(send: Environment["send"], bearer: string): Promise<string> {
  const body = { title: "Sailing", summary: "Knots, wind, and the way home", tags: [] };
  const post = { method: "POST", bearer };
  const { id } = await dataOf(send({ ...post, path: "/courses", body }), 201);
  const lesson = { title: "The bowline", content: "Out of the hole" };
  await dataOf(send({ ...post, path: `/courses/${id}/lessons`, body: lesson }), 201);
  await dataOf(send({ ...post, path: `/courses/${id}/publish` }));
  return String(id);
}

async function renameTo(send: Environment["send"], bearer: string, name: string): Promise<void> {
  const { name: renamed } = await dataOf(
    send({ method: "PATCH", path: "/users/me", bearer, body: { name } }),
  );
  assert.equal(renamed, name);
}

function readCourse(send: Environment["send"], id: string): Promise<Json> {
  return dataOf(send({ path: `/courses/${id}` }));
}

async function readInstructor(send: Environment["send"], id: string): Promise<unknown> {
  return objectAt(await readCourse(send, id), "instructor").name;
}
