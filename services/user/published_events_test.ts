import assert from "node:assert/strict";
import { runInvocation } from "@edgepass/shared/context";
import { expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { ann, annId, setupUser } from "../../tests/support/user_service.ts";

Deno.test("a new name is published once, with the name and nothing else of the profile", async () => {
  using platform = await setupUser();
  await platform.change({ name: "Ann Other", bio: "Mine", locale: "de" });
  const [event, ...others] = await platform.publishedEvents();
  assert.deepEqual(others, []);
  const { id: _id, traceparent: _traceparent, ...rest } = event;
  assert.deepEqual(rest, {
    specversion: "1.0",
    source: "/user",
    type: "user.profile-changed",
    subject: annId,
    time: "2026-03-01T09:30:00.000Z",
    datacontenttype: "application/json",
    dataschema: "urn:edgepass:event:user.profile-changed:1",
    data: { name: "Ann Other" },
    sequence: "00000000000000000001",
  });
});

Deno.test("the longest name that a profile accepts fits into an event", async () => {
  using platform = await setupUser();
  for (const name of ["x".repeat(100), "🙂".repeat(50), "x"]) await platform.change({ name });
  assert.equal((await platform.publishedEvents()).length, 3);
});

Deno.test("the event tables are those of every service", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));
  const own = await read("./migrations/0002_events.sql");
  assert.equal(own, await read("../../shared/events/tables.sql"));
});

const silent = {
  "of nothing": {},
  "of something else than the name": { bio: "Mine", headline: "Learns", locale: null },
  "to the same name": { name: "Ann", bio: "Mine" },
  "to the same name with spaces around it": { name: " Ann " },
} as const;
for (const [what, change] of Object.entries(silent)) {
  Deno.test(`a change ${what} is not published`, async () => {
    using platform = await setupUser();
    await platform.change(change);
    assert.deepEqual(await platform.publishedEvents(), []);
  });
}

Deno.test("of parallel name changes the stored ones are published, in their order", async () => {
  using platform = await setupUser();
  await platform.readOwn();
  const statuses = await Promise.all(Array.from({ length: 20 }, async (_, at) => {
    const body = { name: `Ann ${at}` };
    const response = await platform.call("PATCH", "/users/me", { as: ann, body });
    await response.body?.cancel();
    return response.status;
  }));
  const won = statuses.filter((status) => status === 200).length;
  for (let at = 0; at < 5; at++) await platform.change({ name: `Ann again ${at}` });
  const events = await platform.publishedEvents();
  assert.deepEqual(
    events.map(({ sequence }) => Number(sequence)),
    Array.from({ length: won + 5 }, (_, at) => at + 1),
  );
  assert.equal(events.at(-1)?.data.name, (await platform.readOwn()).name);
});

const broken = {
  "an event that cannot be stored rolls back its change":
    "CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END",
  "a sequence that cannot be assigned rolls back change and event":
    "CREATE TRIGGER full BEFORE INSERT ON event_sequences BEGIN SELECT RAISE(ABORT, 'full'); END",
  "a change that cannot be stored rolls back its event":
    "CREATE TRIGGER full BEFORE UPDATE ON profiles BEGIN SELECT RAISE(ABORT, 'full'); END",
} as const;
for (const [what, trigger] of Object.entries(broken)) {
  Deno.test(what, async () => {
    using platform = await setupUser();
    const before = await platform.readOwn();
    const run = (sql: string) => platform.database.run({ sql, params: [] });
    await run(trigger);
    const body = { name: "Ann Other" };
    const failed = await platform.call("PATCH", "/users/me", { as: ann, body });
    await failed.body?.cancel();
    assert.ok(failed.status >= 500);
    assert.deepEqual(await platform.readOwn(), before);
    assert.deepEqual(await run("SELECT * FROM outbox"), []);
    assert.deepEqual(await run("SELECT * FROM event_sequences"), []);
    await run("DROP TRIGGER full");
    await platform.change(body);
    assert.equal((await platform.publishedEvents()).length, 1);
  });
}

Deno.test("a change that lost the race is not published", async () => {
  using platform = await setupUser();
  await platform.readOwn();
  const run = (sql: string) => platform.database.run({ sql, params: [] });
  // A concurrent writer is always first.
  await run(`CREATE TRIGGER faster BEFORE UPDATE ON profiles
    BEGIN SELECT RAISE(IGNORE); END`);
  const body = { name: "Ann Other" };
  const response = platform.call("PATCH", "/users/me", { as: ann, body });
  await expectProblem(response, 409, "conflict");
  assert.deepEqual(await platform.publishedEvents(), []);
  assert.deepEqual(await run("SELECT * FROM event_sequences"), []);
});

Deno.test("closing the account publishes no event of user's, and deletes the earlier ones", async () => {
  using platform = await setupUser();
  await platform.change({ name: "Ann Other" });
  assert.equal((await platform.publishedEvents()).length, 1);
  await expectNoContent(platform.call("DELETE", "/users/me", { as: ann }));
  assert.deepEqual(await platform.publishedEvents(), []);
});

Deno.test("an event that QStash refused at first is published by the maintenance", async () => {
  using platform = await setupUser();
  const { change, clock, maintain, qstash, waiting } = platform;
  qstash.fail(() => new Response(null, { status: 503 }));
  const afterAnswer: Promise<unknown>[] = [];
  const invocation = { waitUntil: (work: Promise<unknown>) => void afterAnswer.push(work) };
  await runInvocation(invocation, () => change({ name: "Ann Other" }));
  await Promise.all(afterAnswer);
  assert.equal(qstash.calls.length, 1);
  assert.equal(qstash.messages.length, 0);
  qstash.fail();
  clock.advance(60_000);
  await maintain();
  assert.deepEqual(qstash.messages.map(({ destination }) => destination), [
    "https://school.test/events/course",
  ]);
  const backlog = await waiting();
  assert.deepEqual([backlog?.waiting, backlog?.parked], [0, 0]);
});
