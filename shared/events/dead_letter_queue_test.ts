import assert from "node:assert/strict";
import { clubUrl, createClub, sayName } from "../../tests/support/delivered_events.ts";
import { eventBindings } from "../../tests/support/events.ts";
import { Problem } from "../problem.ts";

type Club = Awaited<ReturnType<typeof createClub>>;

const code = (expected: string) => (error: unknown) =>
  error instanceof Problem && error.code === expected;
const unreachable = () => {
  throw new TypeError("Connection refused");
};
const overloaded = () => Response.json({ title: "A store is not available" }, { status: 503 });

/** Publishes an event that becomes a dead letter. */
async function publishUndelivered(
  club: Club,
  event: Partial<Parameters<typeof sayName>[0]> = {},
): Promise<void> {
  club.setAbsence(overloaded);
  await club.publish(sayName({ time: club.clock.now(), ...event }));
  await club.giveUp();
  club.setAbsence();
}

async function publishPoison(club: Club, id = "e-poison"): Promise<void> {
  await club.publish(sayName({ id, name: 1, time: club.clock.now() }));
}

async function list(club: Club) {
  return (await club.events().deadLetters.list({ limit: 100 })).items;
}

async function onlyId(club: Club): Promise<string> {
  const [deadLetter] = await list(club);
  assert.ok(deadLetter);
  return deadLetter.id;
}

Deno.test("a dead letter names its event, the number of attempts, and the reason", async () => {
  await using club = await createClub();
  await publishPoison(club);
  await publishUndelivered(club, { id: "e1", subject: "p7" });
  club.setAbsence(unreachable);
  await club.publish("{");
  await club.giveUp();
  const deadLetters = await list(club);
  const named = { type: "person.named", poison: false };
  assert.deepEqual(
    deadLetters.map(({ id: _id, failedAt: _failedAt, ...deadLetter }) => deadLetter),
    [
      {
        ...named,
        ...{ eventId: "e-poison", subject: "p1", attempts: null, status: 489, poison: true },
        reason: "The event has data that does not fit",
      },
      {
        ...named,
        ...{ eventId: "e1", subject: "p7", attempts: 6, status: 503 },
        reason: "A store is not available",
      },
      {
        ...{ eventId: null, type: null, subject: null, attempts: 6, status: null, poison: false },
        reason: "No answer came",
      },
    ],
  );
  const times = deadLetters.map(({ failedAt }) => Date.parse(failedAt ?? ""));
  assert.deepEqual(times, times.toSorted());
  assert.ok(times.every((time) => time <= club.clock.now()));
});

Deno.test("a single dead letter includes its event and the last response", async () => {
  await using club = await createClub();
  await publishUndelivered(club, { id: "e1" });
  const { event, answer } = await club.events().deadLetters.find(await onlyId(club));
  assert.equal(Object.hasOwn(Object(event), "specversion"), true);
  assert.deepEqual(JSON.parse(answer ?? ""), { title: "A store is not available" });
});

Deno.test("a replay delivers the event and removes the dead letter", async () => {
  await using club = await createClub();
  await publishUndelivered(club);
  assert.deepEqual(await club.people(), []);
  await club.events().deadLetters.replay(await onlyId(club));
  await club.step();
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
  assert.deepEqual(await list(club), []);
});

Deno.test("a replay of an event that was applied meanwhile has no second effect [E06]", async () => {
  await using club = await createClub();
  const event = sayName({ time: club.clock.now() });
  const lost = () => new Response(null, { status: 500 });
  club.setAbsence(lost);
  await club.publish(event);
  await club.giveUp();
  club.setAbsence();
  await club.publish(event);
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
  await club.events().deadLetters.replay(await onlyId(club));
  await club.step();
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
  const outcomes = club.lines.flatMap(({ outcome }) => outcome ?? []);
  assert.deepEqual(outcomes, ["applied", "duplicate"]);
});

Deno.test("a replay does not overwrite a newer event [E06]", async () => {
  await using club = await createClub();
  await publishUndelivered(club, { sequence: 1, name: "Ada" });
  await club.publish(sayName({ sequence: 2, name: "Ada Byron", time: club.clock.now() }));
  await club.events().deadLetters.replay(await onlyId(club));
  await club.step();
  assert.deepEqual(await club.people(), [["p1", "Ada Byron", 1]]);
  assert.deepEqual(await list(club), []);
});

Deno.test("of two concurrent replays one finds the dead letter, and a later one does not", async () => {
  await using club = await createClub();
  await publishUndelivered(club);
  const { deadLetters } = club.events();
  const id = await onlyId(club);
  const outcomes = await Promise.allSettled([deadLetters.replay(id), deadLetters.replay(id)]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  await assert.rejects(deadLetters.replay(id), code("not_found"));
  await club.step();
  assert.deepEqual(await club.people(), [["p1", "Ada", 1]]);
});

Deno.test("a deleted dead letter does not exist any more", async () => {
  await using club = await createClub();
  await publishUndelivered(club);
  const { deadLetters } = club.events();
  const id = await onlyId(club);
  await deadLetters.drop(id);
  for (const operation of [deadLetters.drop, deadLetters.find, deadLetters.replay]) {
    await assert.rejects(operation(id), code("not_found"));
  }
  assert.deepEqual(await list(club), []);
});

Deno.test("dead letters of other destinations are not listed, replayed or deleted", async () => {
  await using club = await createClub();
  club.setAbsence(unreachable);
  for (const url of ["https://school.test/events/clinic", "https://other.test/events/club"]) {
    await club.publish(sayName({ time: club.clock.now() }), url);
  }
  await club.giveUp();
  const { messages } = await (await club.ask("GET", "/v2/dlq")).json();
  // Two per destination: the event and its failure callback.
  assert.equal(messages.length, 4);
  const { deadLetters } = club.events();
  assert.deepEqual(await list(club), []);
  for (const { dlqId } of messages) {
    for (const operation of [deadLetters.find, deadLetters.replay, deadLetters.drop]) {
      await assert.rejects(operation(dlqId), code("not_found"));
    }
  }
  await deadLetters.replayAll({ poison: true });
  await club.events().maintain();
  const after = await (await club.ask("GET", "/v2/dlq")).json();
  assert.deepEqual(after, { messages });
});

Deno.test("an id that QStash cannot have assigned is not sent to QStash", async () => {
  await using club = await createClub();
  const { deadLetters } = club.events();
  for (const id of ["", "..", "../messages", "a,b", "a&url=b", "x".repeat(200)]) {
    for (const operation of [deadLetters.find, deadLetters.replay, deadLetters.drop]) {
      await assert.rejects(operation(id), code("not_found"));
    }
  }
  assert.deepEqual(club.calls, []);
});

Deno.test("a replay of all dead letters skips poison unless it is requested", async () => {
  await using club = await createClub();
  await publishPoison(club);
  await publishUndelivered(club, { subject: "p1" });
  await publishUndelivered(club, { subject: "p2" });
  const { deadLetters } = club.events();
  const first = await deadLetters.replayAll({ poison: false });
  assert.deepEqual(first, { replayed: 2, poison: 1, more: false });
  await club.step();
  assert.deepEqual(await club.people(), [["p1", "Ada", 1], ["p2", "Ada", 1]]);
  assert.deepEqual((await list(club)).map(({ poison }) => poison), [true]);
  const second = await deadLetters.replayAll({ poison: true });
  assert.deepEqual(second, { replayed: 1, poison: 0, more: false });
  await club.step();
  assert.deepEqual((await list(club)).map(({ poison }) => poison), [true], "it is still poison");
});

Deno.test("a dead letter that is gone does not prevent the replay of the others in its page", async () => {
  await using club = await createClub();
  for (const subject of ["p1", "p2", "p3", "p4", "p5"]) await publishUndelivered(club, { subject });
  const ids = (await list(club)).map(({ id }) => id);
  club.setFault((request) => {
    if (!request.url.includes("/dlq/retry")) return undefined;
    club.setFault();
    void club.ask("DELETE", `/v2/dlq/${ids[2]}`);
    return undefined;
  });
  const { replayed } = await club.events().deadLetters.replayAll({ poison: false });
  assert.equal(replayed, 4);
  await club.step();
  assert.deepEqual((await club.people()).map(([id]) => id), ["p1", "p2", "p4", "p5"]);
});

Deno.test("the list of dead letters has pages, the oldest first", async () => {
  await using club = await createClub();
  for (const id of ["e1", "e2", "e3"]) await publishPoison(club, id);
  const { deadLetters } = club.events();
  const first = await deadLetters.list({ limit: 2 });
  assert.deepEqual(first.items.map(({ eventId }) => eventId), ["e1", "e2"]);
  assert.ok(first.nextCursor);
  const second = await deadLetters.list({ limit: 2, cursor: first.nextCursor });
  assert.deepEqual(second.items.map(({ eventId }) => eventId), ["e3"]);
  assert.equal(second.nextCursor, null);
  const withInvalidCursor = deadLetters.list({ limit: 2, cursor: "made up" });
  await assert.rejects(withInvalidCursor, code("validation_failed"));
});

const responses = {
  "is unavailable": [500, "upstream_unavailable"],
  "limits the rate": [429, "upstream_unavailable"],
  "refuses the token": [401, "upstream_bad_response"],
  "returns another shape": [200, "upstream_unavailable"],
} as const;
for (const [what, [status, expected]] of Object.entries(responses)) {
  Deno.test(`a QStash that ${what} is reported as ${expected}`, async () => {
    await using club = await createClub();
    club.setFault(() => Response.json({ error: "no" }, { status }));
    const { deadLetters } = club.events();
    await assert.rejects(deadLetters.list({ limit: 1 }), code(expected));
    await assert.rejects(deadLetters.find("1-1"), code(expected));
    await assert.rejects(deadLetters.replayAll({ poison: false }), code(expected));
  });
}

Deno.test("without QStash the dead letters are unavailable", async () => {
  await using club = await createClub();
  club.restart({ PUBLIC_ORIGIN: eventBindings.PUBLIC_ORIGIN });
  await assert.rejects(club.events().deadLetters.list({ limit: 1 }), code("upstream_unavailable"));
  await club.events().maintain();
  assert.deepEqual(club.calls, []);
});

Deno.test("poison does not delay other events [E04]", async () => {
  await using club = await createClub();
  const before = club.clock.now();
  for (const [at, name] of ["Ada", 1, "Bo", 2, "Cy"].entries()) {
    const event = sayName({ subject: `p${at}`, name, time: before });
    await club.publish(event, clubUrl);
  }
  assert.deepEqual((await club.people()).map(([id]) => id), ["p0", "p2", "p4"]);
  assert.deepEqual((await list(club)).map(({ status }) => status), [489, 489]);
  assert.equal(club.clock.now(), before, "no retry was needed");
});
