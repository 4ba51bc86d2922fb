import assert from "node:assert/strict";
import { openStore } from "../../tests/support/observed.ts";
import type { Span } from "./api.ts";
import { createDeliveries, type DeliveryNote } from "./event_sources.ts";
import { createEventBoard } from "./event_board.ts";
import { readRecentTrails, readTrails } from "./event_trails.ts";
import { Refusal } from "./refusal.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

function spanOf(
  kind: "producer" | "consumer",
  service: string,
  { start, outcome }: { start: number; outcome: string },
): Span {
  return {
    spanId: `${kind}-${service}-${start}`,
    parentId: null,
    name: kind,
    kind,
    service,
    start,
    durationMs: 1,
    status: "ok",
    attributes: {
      "edgepass.event.id": "e-1",
      "edgepass.event.type": "user.deleted",
      "edgepass.event.subject": "u-1",
      "edgepass.outcome": outcome,
    },
    events: [],
    links: [],
  };
}

const published = spanOf("producer", "auth", { start: 10, outcome: "published" });
const consumed = (service: string, start: number, outcome: string) =>
  spanOf("consumer", service, { start, outcome });

const bySpans: Readonly<Record<string, readonly [readonly Span[], string]>> = {
  "published": [[published, consumed("user", 20, "applied")], "published: user delivered applied"],
  "waiting": [[spanOf("producer", "auth", { start: 10, outcome: "failed" })], "waiting: "],
  "parked": [[spanOf("producer", "auth", { start: 10, outcome: "parked" })], "parked: "],
  "tried again": [
    [published, consumed("user", 20, "busy"), consumed("user", 30, "applied")],
    "published: user delivered busy,applied",
  ],
  "not applied": [[published, consumed("user", 20, "failed")], "published: user retrying failed"],
  "poison": [[published, consumed("user", 20, "poison")], "dead: user dead poison"],
};
for (const [what, [spans, expected]] of Object.entries(bySpans)) {
  Deno.test(`spans alone show that an event is ${what}, where QStash is elsewhere`, async () => {
    await using fixture = await openStore();
    const [trail] = readTrails(fixture.db, { traceId, spans, outboxes: [] });
    const deliveries = trail?.deliveries.map(({ consumer, state, attempts }) =>
      `${consumer} ${state} ${attempts.map(({ outcome }) => outcome)}`
    );
    assert.equal(`${trail?.state}: ${deliveries?.join("; ")}`, expected);
    assert.deepEqual([trail?.type, trail?.subject, trail?.source], [
      "user.deleted",
      "u-1",
      "auth",
    ]);
  });
}

const note = (at: number, state: DeliveryNote["state"], more: Partial<DeliveryNote> = {}) => ({
  time: at,
  state,
  messageId: "m-1",
  consumer: "user",
  status: null,
  outcome: null,
  nextAt: null,
  eventId: "e-1",
  type: "user.deleted",
  subject: "u-1",
  source: "auth",
  storedAt: 1,
  traceId,
  ...more,
});
const failed = note(3, "failed", { status: 503, outcome: "busy" });
const byNotes: Readonly<Record<string, readonly [readonly DeliveryNote[], string]>> = {
  "under way": [[note(2, "accepted")], "under way"],
  "retrying": [[note(2, "accepted"), { ...failed, nextAt: 9 }], "retrying"],
  "dead": [[note(2, "accepted"), failed, note(3, "dead")], "dead"],
  "done after a replay": [
    [note(2, "accepted"), failed, note(3, "dead"), note(8, "accepted"), note(9, "delivered")],
    "done",
  ],
  "retrying while another consumer has it": [
    [note(2, "delivered", { consumer: "course" }), note(2, "accepted"), { ...failed, nextAt: 9 }],
    "retrying",
  ],
};
for (const [what, [notes, expected]] of Object.entries(byNotes)) {
  Deno.test(`notes of the local QStash show that an event is ${what}`, async () => {
    await using fixture = await openStore();
    createDeliveries(fixture.db).write(notes);
    const [trail] = readRecentTrails(fixture.db, { outboxes: [], limit: 10 });
    assert.equal(trail?.state, expected);
    assert.deepEqual(readTrails(fixture.db, { traceId, spans: [], outboxes: [] }), [trail]);
  });
}

Deno.test("recent events are the newest, up to the limit", async () => {
  await using fixture = await openStore();
  const notes = Array.from(
    { length: 30 },
    (_, at) => note(at + 1, "accepted", { eventId: `e-${at}`, storedAt: at }),
  );
  createDeliveries(fixture.db).write(notes);
  const trails = readRecentTrails(fixture.db, { outboxes: [], limit: 3 });
  assert.deepEqual(trails.map(({ id }) => id), ["e-29", "e-28", "e-27"]);
});

Deno.test("a database that cannot be read has no outbox, and an external QStash no dead letters", async () => {
  await using fixture = await openStore();
  const outboxes = [{ service: "user", path: `${fixture.folder}/none.sqlite` }];
  const board = createEventBoard({ db: fixture.db, outboxes, qstash: undefined, onChange() {} });
  assert.deepEqual(await board.read(), {
    outboxes: [],
    events: [],
    deadLetters: null,
    trouble: "",
  });
  for (const work of [board.find("1"), board.replay("1"), board.drop("1"), board.replayAll()]) {
    await assert.rejects(work, (error) => error instanceof Refusal && error.status === 409);
  }
});
