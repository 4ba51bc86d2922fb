import assert from "node:assert/strict";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

const minuteMs = 60_000;

Deno.test("a schedule publishes at its times, with its id", async () => {
  await using system = createTestSystem();
  const { client, url, received, clock } = system;
  const start = clock.now();
  const { scheduleId } = await client.schedules.create({
    destination: `${url}/tick?n=1`,
    cron: "*/5 * * * *",
    body: "tick",
    headers: { "x-a": "1" },
    retries: 1,
  });
  await system.pass(5 * minuteMs - 1);
  assert.equal(received.length, 0);
  await system.pass(1);
  await system.pass(5 * minuteMs);
  assert.deepEqual(received.map(({ path, body }) => [path, body]), [
    ["/tick?n=1", "tick"],
    ["/tick?n=1", "tick"],
  ]);
  assert.equal(received[0]?.headers.get("upstash-schedule-id"), scheduleId);
  assert.equal(received[0]?.headers.get("x-a"), "1");
  const schedule = await client.schedules.get(scheduleId);
  assert.deepEqual(
    [schedule.cron, schedule.destination, schedule.createdAt, schedule.isPaused, schedule.retries],
    ["*/5 * * * *", `${url}/tick?n=1`, start, false, 1],
  );
  assert.deepEqual(
    [schedule.lastScheduleTime, schedule.nextScheduleTime],
    [start + 10 * minuteMs, start + 15 * minuteMs],
  );
  assert.deepEqual(Object.values(schedule.lastScheduleStates ?? {}), ["SUCCESS"]);
});

Deno.test("times that passed while no server ran are made up for by one message", async () => {
  await using system = createTestSystem();
  await system.client.schedules.create({ destination: system.url, cron: "* * * * *" });
  await system.pass(60 * minuteMs);
  assert.equal(system.received.length, 1);
  await system.pass(minuteMs);
  assert.equal(system.received.length, 2);
});

for (const method of ["PATCH", "POST"]) {
  Deno.test(`a schedule is paused and resumed by ${method}`, async () => {
    await using system = createTestSystem();
    const scheduleId = "my-schedule";
    await system.client.schedules.create({
      destination: system.url,
      cron: "* * * * *",
      scheduleId,
    });
    assert.equal((await system.send(method, `/v2/schedules/${scheduleId}/pause`)).status, 200);
    assert.equal((await system.client.schedules.get(scheduleId)).isPaused, true);
    await system.pass(10 * minuteMs);
    assert.equal(system.received.length, 0);
    assert.equal((await system.send(method, `/v2/schedules/${scheduleId}/resume`)).status, 200);
    await system.step();
    assert.equal(system.received.length, 0);
    await system.pass(minuteMs);
    assert.equal(system.received.length, 1);
  });
}

Deno.test("the client pauses, resumes, replaces, lists and deletes a schedule", async () => {
  await using system = createTestSystem();
  const { schedules } = system.client;
  const make = (cron: string) =>
    schedules.create({ destination: `${system.url}/x`, cron, scheduleId: "s", delay: 5 });
  await make("* * * * *");
  await schedules.pause({ schedule: "s" });
  await make("0 * * * *");
  const [schedule] = await schedules.list();
  assert.deepEqual([schedule?.cron, schedule?.isPaused, schedule?.delay], ["0 * * * *", true, 5]);
  await schedules.resume({ schedule: "s" });
  await system.pass(60 * minuteMs);
  assert.equal(system.received.length, 0);
  await system.pass(5_000);
  assert.equal(system.received.length, 1);
  await schedules.delete("s");
  assert.deepEqual(await schedules.list(), []);
  await system.pass(120 * minuteMs);
  assert.equal(system.received.length, 1);
});

Deno.test("a schedule publishes to a URL group and over a queue", async () => {
  await using system = createTestSystem();
  const { client, url } = system;
  const endpoints = [{ url: `${url}/a` }, { url: `${url}/b` }];
  await client.urlGroups.addEndpoints({ name: "all", endpoints });
  await client.schedules.create({ destination: "all", cron: "* * * * *", queueName: "line" });
  await system.pass(minuteMs);
  assert.deepEqual(system.received.map(({ path }) => path), ["/a", "/b"]);
  await client.urlGroups.delete("all");
  await system.pass(minuteMs);
  assert.equal(system.received.length, 2);
  assert.deepEqual(system.causes, []);
});
