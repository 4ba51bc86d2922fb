import assert from "node:assert/strict";
import { clubUrl, createClub, sayName } from "../../tests/support/delivered_events.ts";
import { eventBindings } from "../../tests/support/events.ts";

type Club = Awaited<ReturnType<typeof createClub>>;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const broken = () => new Response(null, { status: 500 });
const unreachable = () => {
  throw new TypeError("Connection refused");
};

async function countDeadLetters(club: Club): Promise<number> {
  let count = 0;
  for (let cursor: string | undefined = "0"; cursor !== undefined;) {
    const page = await (await club.ask("GET", `/v2/dlq?cursor=${cursor}`)).json();
    count += page.messages.length;
    cursor = page.cursor;
  }
  return count;
}

/** Runs maintenance as Deno's timer does, and returns the times of replays. */
async function maintainFor(club: Club, ms: number): Promise<number[]> {
  const start = club.clock.now();
  const times: number[] = [];
  while (club.clock.now() < start + ms) {
    const before = club.calls.length;
    await club.events().maintain();
    const isReplay = club.calls.slice(before).some(({ url }) => url.includes("/dlq/retry"));
    if (isReplay) times.push(club.clock.now() - start);
    await club.pass(5 * second);
  }
  return times;
}

Deno.test("a consumer replays missed events in its own maintenance after a long downtime [F19a]", async () => {
  await using club = await createClub();
  club.setAbsence(unreachable);
  for (let at = 0; at < 250; at++) {
    await club.publish(sayName({ subject: `p${at}`, time: club.clock.now() }));
  }
  await club.giveUp();
  await club.pass(10 * minute);
  assert.equal(await countDeadLetters(club), 500, "events and their failure callbacks");
  club.setAbsence();
  await club.events().maintain();
  await club.step();
  const people = await club.people();
  assert.equal(people.length, 250);
  assert.ok(people.every(([, , effects]) => effects === 1));
  assert.equal(await countDeadLetters(club), 0);
  const reported = club.lines.filter(({ message }) => message === "Event became a dead letter");
  assert.equal(reported.length, 250, "each dead letter is logged");
});

Deno.test("maintenance does not replay poison", async () => {
  await using club = await createClub();
  await club.publish(sayName({ name: 1, time: club.clock.now() }));
  assert.deepEqual(await maintainFor(club, 10 * minute), []);
  assert.equal(await countDeadLetters(club), 1);
});

Deno.test("dead letters of a deleted subject are deleted, poison included, and no others", async () => {
  await using club = await createClub();
  await club.publish(sayName({ subject: "gone", name: 1, time: club.clock.now() }));
  await club.publish(sayName({ subject: "stays", name: 1, time: club.clock.now() }));
  club.setAbsence(unreachable);
  await club.publish(sayName({ subject: "gone", name: "Ada", time: club.clock.now() }));
  await club.giveUp();
  club.setAbsence();
  await club.end("gone");
  await club.events().maintain();
  await club.step();
  const { items } = await club.events().deadLetters.list({ limit: 100 });
  assert.deepEqual(items.map(({ subject }) => subject), ["stays"]);
  assert.deepEqual(await club.people(), []);
});

Deno.test("maintenance finds a dead letter behind a thousand poison ones", async () => {
  await using club = await createClub();
  for (let at = 0; at < 1_001; at++) {
    await club.publish(sayName({ name: 1, time: club.clock.now() }));
  }
  club.setAbsence(unreachable);
  await club.publish(sayName({ time: club.clock.now() }));
  await club.giveUp();
  club.setAbsence();
  await maintainFor(club, minute);
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
});

Deno.test("dead letters are listed at most once a minute", async () => {
  await using club = await createClub();
  await maintainFor(club, 10 * minute);
  assert.equal(club.calls.filter(({ url }) => url.includes("/v2/dlq")).length, 10);
});

Deno.test("a clock that is set back does not stop the maintenance of dead letters", async () => {
  await using club = await createClub();
  await club.events().maintain();
  club.clock.advance(-hour);
  await club.events().maintain();
  assert.equal(club.calls.length, 2);
});

Deno.test("the delay between replays of a failing event grows to at most an hour", async () => {
  await using club = await createClub();
  club.setAbsence(broken);
  await club.publish(sayName({ time: club.clock.now() }), clubUrl);
  await club.giveUp();
  const times = await maintainFor(club, 12 * hour);
  const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  const [first = 0] = waits;
  assert.ok(first < 5 * minute, `${first}`);
  assert.ok(times.length < 30, `${times.length} replays in 12 hours`);
  assert.ok(Math.max(...waits) <= hour + 2 * minute, `${Math.max(...waits)}`);
  assert.ok(await countDeadLetters(club) <= 2, "failure callbacks do not pile up");
  club.setAbsence();
  await maintainFor(club, hour + 2 * minute);
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]], "the event is not lost");
});

const failures = {
  "is unavailable": () => new Response(null, { status: 500 }),
  "refuses the token": () => new Response(null, { status: 401 }),
  "returns another shape": () => Response.json({ messages: [{}] }),
} as const;
for (const [what, fault] of Object.entries(failures)) {
  Deno.test(`a QStash that ${what} does not fail maintenance`, async () => {
    await using club = await createClub();
    club.setFault(fault);
    await club.events().maintain();
    const [line] = club.lines;
    assert.deepEqual(
      [club.lines.length, line?.level, line?.message],
      [1, "warn", "Dead letters cannot be replayed at present"],
    );
    const text = JSON.stringify(club.lines);
    assert.ok(!text.includes(eventBindings.QSTASH_TOKEN));
  });
}

async function rotate(club: Club): Promise<void> {
  const response = await club.ask("POST", "/v2/keys/rotate");
  assert.equal(response.status, 200);
}

/** How many deliveries were refused, as the alert counts them. */
function countRefused(club: Club): number {
  const text = club.telemetry.prometheus?.() ?? "";
  const [, count = "0"] =
    /edgepass_events_deliveries_total\{[^}]*edgepass_outcome="refused"[^}]*\} (\d+)/.exec(text) ??
      [];
  return Number(count);
}

Deno.test("one rotation of the signing keys loses and delays no event [E07]", async () => {
  await using club = await createClub();
  await club.publish(sayName({ subject: "p1", time: club.clock.now() }));
  await rotate(club);
  await club.publish(sayName({ subject: "p2", time: club.clock.now() }));
  assert.deepEqual(await club.people(), [["p1", "Ada", 1], ["p2", "Ada", 1]]);
  assert.equal(countRefused(club), 0);
});

Deno.test("two rotations of the signing keys lose nothing once the new keys are set [E07]", async () => {
  await using club = await createClub();
  await rotate(club);
  await rotate(club);
  await club.publish(sayName({ time: club.clock.now() }));
  await club.giveUp();
  const { items: [deadLetter] } = await club.events().deadLetters.list({ limit: 100 });
  assert.deepEqual(
    [deadLetter?.status, deadLetter?.poison, deadLetter?.attempts],
    [401, false, 6],
    "the refusal stays retryable",
  );
  assert.deepEqual(await club.people(), []);
  assert.ok(countRefused(club) >= 6);
  const refusals = club.lines.filter(({ message }) => message === "Event refused");
  assert.ok(refusals.length >= 6 && refusals.every(({ level }) => level === "warn"));
  const { current, next } = club.keys();
  club.restart({
    ...eventBindings,
    QSTASH_CURRENT_SIGNING_KEY: current,
    QSTASH_NEXT_SIGNING_KEY: next,
  });
  await maintainFor(club, 5 * minute);
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
  assert.equal(await countDeadLetters(club), 0);
});

Deno.test("two key rotations while messages are pending lose none of them [E07]", async () => {
  await using club = await createClub();
  club.setAbsence(broken);
  await club.publish(sayName({ time: club.clock.now() }));
  await rotate(club);
  await rotate(club);
  club.setAbsence();
  await club.pass(minute);
  assert.deepEqual(await club.people(), []);
  const { current, next } = club.keys();
  club.restart({
    ...eventBindings,
    QSTASH_CURRENT_SIGNING_KEY: current,
    QSTASH_NEXT_SIGNING_KEY: next,
  });
  await club.pass(minute);
  assert.deepEqual(
    await club.people(),
    [["p1", "Ada", 1]],
    "QStash signs each retry with its current key",
  );
});
