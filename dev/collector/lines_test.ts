import assert from "node:assert/strict";
import { lineOf, openStore } from "../../tests/support/observed.ts";
import { traceIdOf } from "../../tests/support/otlp.ts";
import { readLastLines, searchLines } from "./lines.ts";
import { readLogsQuery } from "./query.ts";
import { Refusal } from "./refusal.ts";

async function setup() {
  const fixture = await openStore();
  fixture.store.write({
    lines: [
      lineOf({ message: "1 Request served", fields: { path: "/courses", status: 200 } }),
      lineOf({ message: "2 Store is away", level: "error", traceId: traceIdOf(2) }),
      lineOf({ message: "3 100% of a_b", level: "warn", service: "auth" }),
      lineOf({ message: "4", fields: { cause: { message: 'say "Größe" \\ now', list: [7] } } }),
      lineOf({ message: "5 ÄRGER", service: "dev" }),
    ],
  });
  const search = (query: string) =>
    searchLines(fixture.db, readLogsQuery(new URL(`http://dashboard/?${query}`)));
  return {
    ...fixture,
    search,
    numbers: (query: string) => search(query).items.map(({ message }) => Number(message[0])),
  };
}

const searches: Readonly<Record<string, readonly number[]>> = {
  "": [5, 4, 3, 2, 1],
  "level=error": [2],
  "level=warn,error": [3, 2],
  "service=auth": [3],
  "service=auth,dev": [5, 3],
  [`traceId=${traceIdOf(2)}`]: [2],
  [`traceId=${traceIdOf(3)}`]: [],
  "q=STORE is": [2],
  "q=/courses": [1],
  "q=200": [1],
  // Field names are not searched.
  "q=status": [],
  "q=100%25": [3],
  "q=a_b": [3],
  "q=axb": [],
  [`q=${encodeURIComponent('"größe" \\ N')}`]: [4],
  [`q=${encodeURIComponent("ärger")}`]: [5],
  [`q=${encodeURIComponent("Ä")}`]: [5],
  "q=7": [4],
  "limit=2": [5, 4],
};

for (const [query, expected] of Object.entries(searches)) {
  Deno.test(`log lines by "${decodeURIComponent(query)}" are ${expected.join(", ") || "none"}`, async () => {
    await using fixture = await setup();
    assert.deepEqual(fixture.numbers(query), expected);
  });
}

for (const query of ["limit=1000", "before=0", "before=x", "traceId=abc"]) {
  Deno.test(`log lines by "${query}" are refused`, async () => {
    await using fixture = await setup();
    assert.throws(
      () => fixture.search(query),
      (error) => error instanceof Refusal && error.status === 400,
    );
  });
}

Deno.test("pages of a search have every line once", async () => {
  await using fixture = await setup();
  const first = fixture.search("limit=2&q=e");
  const second = fixture.search(`limit=2&q=e&before=${first.next}`);
  const found = [...first.items, ...second.items].map(({ message }) => message[0]);
  assert.deepEqual(found, ["5", "4", "2", "1"]);
  assert.equal(second.next, null);
});

Deno.test("a search that ended early does not affect the next one", async () => {
  await using fixture = await setup();
  assert.deepEqual(fixture.numbers("limit=1"), [5]);
  fixture.store.write({ lines: [lineOf({ message: "6" })] });
  assert.deepEqual(fixture.numbers("limit=1"), [6]);
});

Deno.test("the last lines are in the order they were written", async () => {
  await using fixture = await setup();
  assert.deepEqual(readLastLines(fixture.db, 2).map(({ message }) => message[0]), ["4", "5"]);
});
