import assert from "node:assert/strict";
import { findCrash, inFlightFile, markEnded, markRunning, readInFlight } from "./last_run.ts";

async function setup() {
  const folder = await Deno.makeTempDir({ prefix: "edgepass-observe-" });
  const path = inFlightFile(folder, "edgepass");
  return {
    folder,
    path,
    note: (...notes: readonly (object | string)[]) =>
      Deno.writeTextFileSync(
        path,
        notes.map((note) => typeof note === "string" ? note : JSON.stringify(note)).join("\n"),
      ),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const traceId = "a".repeat(32);
const run = { pid: 7, startedAt: 1_000 };

Deno.test("requests that began and did not end are in flight, the oldest first", async () => {
  await using fixture = await setup();
  fixture.note(
    { b: 1, m: "GET", p: "/courses", t: 1_000 },
    { b: traceId, m: "POST", p: "/courses", t: 4_000 },
    { b: 3, m: "GET", p: "/users/me", t: 2_000 },
    { e: 1 },
  );
  assert.deepEqual(readInFlight(fixture.path, 5_000), [
    { traceId: null, method: "GET", path: "/users/me", sinceMs: 3_000 },
    { traceId, method: "POST", path: "/courses", sinceMs: 1_000 },
  ]);
});

Deno.test("two requests of one trace end one by one", async () => {
  await using fixture = await setup();
  const begin = { b: traceId, m: "GET", p: "/courses" };
  fixture.note({ ...begin, t: 1_000 }, { ...begin, t: 2_000 }, { e: traceId });
  assert.deepEqual(readInFlight(fixture.path, 5_000).map(({ sinceMs }) => sinceMs), [3_000]);
});

Deno.test("an incomplete line and a line that is no note are ignored", async () => {
  await using fixture = await setup();
  fixture.note(
    { e: 9 },
    "",
    "[]",
    { b: 1, m: "GET" },
    { b: 2, m: "GET", p: "/", t: 1 },
    '{"b":3,"m"',
  );
  assert.equal(readInFlight(fixture.path, 5).length, 1);
});

Deno.test("without a file no request was in flight", async () => {
  await using fixture = await setup();
  assert.deepEqual(readInFlight(fixture.path, 5), []);
});

Deno.test("only the end of a huge file is read", async () => {
  await using fixture = await setup();
  const filler = `${JSON.stringify({ b: 1, m: "GET", p: "/".repeat(1_000), t: 1 })}\n`;
  Deno.writeTextFileSync(
    fixture.path,
    filler.repeat(9_000) + JSON.stringify({ b: 2, m: "PUT", p: "/last", t: 9 }),
  );
  const requests = readInFlight(fixture.path, 10);
  assert.equal(requests.length, 20);
});

Deno.test("a run that ended in order leaves nothing to report", async () => {
  await using fixture = await setup();
  assert.equal(findCrash(fixture.folder), undefined);
  markRunning(fixture.folder, run);
  markEnded(fixture.folder);
  markEnded(fixture.folder);
  assert.equal(findCrash(fixture.folder), undefined);
});

Deno.test("a new run deletes the notes of the one before", async () => {
  await using fixture = await setup();
  fixture.note({ b: 1, m: "GET", p: "/courses", t: 1_000 });
  markRunning(fixture.folder, run);
  assert.deepEqual(findCrash(fixture.folder)?.exit.inFlight, []);
});

Deno.test("a run that was killed is found by its marker, once", async () => {
  await using fixture = await setup();
  markRunning(fixture.folder, run);
  // Later than any other write in the folder.
  const time = Math.floor(Date.now() / 1000) * 1000 + 60_000;
  fixture.note({ b: 1, m: "GET", p: "/courses", t: time - 500 });
  Deno.utimeSync(fixture.path, time / 1000, time / 1000);
  assert.deepEqual(findCrash(fixture.folder)?.exit, {
    name: "dev",
    time,
    code: null,
    signal: null,
    lastLines: [],
    inFlight: [{ traceId: null, method: "GET", path: "/courses", sinceMs: 500 }],
    isExpected: false,
  });
  assert.equal(findCrash(fixture.folder)?.startedAt, 1_000);
  Deno.writeTextFileSync(`${fixture.folder}/running.json`, '{"pid');
  assert.equal(findCrash(fixture.folder)?.exit.name, "dev");
  markRunning(fixture.folder, run);
  markEnded(fixture.folder);
  assert.equal(findCrash(fixture.folder), undefined);
});
