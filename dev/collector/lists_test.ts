import assert from "node:assert/strict";
import { answeredLine, lineOf, openStore } from "../../tests/support/observed.ts";
import { acceptedTrace, refusedTrace, traceIdOf } from "../../tests/support/otlp.ts";
import { findTraceIds, readDetail } from "./detail.ts";
import { readLogsQuery, readRequestsQuery } from "./read_api.ts";
import { Refusal } from "./refusal.ts";
import { listRequests, readLastLines, searchLines } from "./lists.ts";

const start = 1_772_000_000_000;

/** Four requests, each different from the others. */
async function setup() {
  const fixture = await openStore();
  await fixture.send(acceptedTrace({ traceId: traceIdOf(1), start, durationMs: 40 }));
  await fixture.send(refusedTrace({ traceId: traceIdOf(2), start: start + 1_000 }));
  fixture.store.write({
    lines: [
      answeredLine(traceIdOf(3), { time: start + 2_000, path: "/courses/100%_a" }),
      answeredLine(traceIdOf(4), {
        time: start + 3_000,
        method: "POST",
        path: "/courses",
        route: "/courses",
        status: 503,
        code: "revocation_unavailable",
      }),
    ],
  });
  const list = (query: string) =>
    listRequests(fixture.db, readRequestsQuery(new URL(`http://dashboard/?${query}`)));
  return { ...fixture, list, numbers: (query: string) => numbersOf(list(query).items) };
}

function numbersOf(items: readonly { traceId: string }[]): number[] {
  return items.map(({ traceId }) => Number.parseInt(traceId.slice(-1), 16));
}

const verified = { "user.id": "0192", "edgepass.issuer": "user" };

/** A request whose subject is only on the span of the step that verified its token. */
function* stepOnly(
  { number, rule, ...facts }: { number: number; start: number; rule?: string; status: number },
) {
  const [root, verify] = acceptedTrace({ traceId: traceIdOf(number), start: facts.start });
  assert.ok(root && verify);
  const served = { "http.request.method": "GET", "url.path": "/admin/keys" };
  const status = { "http.response.status_code": facts.status };
  const rules = rule === undefined ? {} : { "edgepass.rule": rule };
  yield { ...root, attributes: { ...served, ...status, ...rules } };
  yield { ...verify, attributes: { ...verify.attributes, ...verified } };
}

const identities = {
  "the gateway's own endpoint": [{ status: 200 }, "0192"],
  "a refused token": [{ status: 401, rule: "authenticated" }, "0192"],
  "an optional route that took the caller for anonymous": [{ status: 200, rule: "optional" }, null],
} as const;

for (const [what, [facts, sub]] of Object.entries(identities)) {
  for (const order of ["one export", "the request first", "the step first"] as const) {
    Deno.test(`the caller of ${what} is ${sub ?? "anonymous"}, exported in ${order}`, async () => {
      await using fixture = await openStore();
      const spans = [...stepOnly({ number: 9, start, ...facts })];
      if (order === "one export") await fixture.send(spans);
      else {
        for (const span of order === "the step first" ? spans.toReversed() : spans) {
          await fixture.send([span]);
        }
      }
      const { items } = listRequests(fixture.db, { limit: 10 });
      assert.deepEqual(items.map((row) => [row.path, row.sub]), [["/admin/keys", sub]]);
    });
  }
}

const filters: Readonly<Record<string, readonly number[]>> = {
  "": [4, 3, 2, 1],
  "method=POST": [4],
  "route=/users/{id}": [2, 1],
  "status=2xx": [3, 1],
  "status=401": [2],
  "status=5xx": [4],
  "code=token_revoked": [2],
  "sub=0192": [2, 1],
  "service=user": [1],
  "service=use": [],
  "minMs=10": [1],
  "q=/COURSES": [4, 3],
  "q=100%25_": [3],
  "q=a_b": [],
  [`q=${traceIdOf(2)}`]: [2],
  "q=&code=&status=": [4, 3, 2, 1],
  "status=2xx&service=gateway&q=users": [1],
  "limit=2": [4, 3],
};

for (const [query, expected] of Object.entries(filters)) {
  Deno.test(`requests by "${query}" are ${expected.join(", ") || "none"}, newest first`, async () => {
    await using fixture = await setup();
    assert.deepEqual(fixture.numbers(query), expected);
  });
}

const malformed = [
  "limit=0",
  "limit=501",
  "status=6xx",
  "status=2x",
  "minMs=-1",
  "before=x",
  "before=1",
];
for (const query of malformed) {
  Deno.test(`requests by "${query}" are refused by name`, async () => {
    await using fixture = await setup();
    const name = query.split("=")[0] ?? "";
    assert.throws(
      () => fixture.list(query),
      (error) => error instanceof Refusal && error.status === 400 && error.message.includes(name),
    );
  });
}

Deno.test("pages have every request once, even if a newer one arrives in between", async () => {
  await using fixture = await setup();
  // Several at the same instant, which a cursor of times alone could not distinguish.
  fixture.store.write({
    lines: [5, 6, 7].map((at) => answeredLine(traceIdOf(at), { time: start + 2_000 })),
  });
  const first = fixture.list("limit=2");
  fixture.store.write({ lines: [answeredLine(traceIdOf(9), { time: start + 9_000 })] });
  const seen = [...first.items];
  for (let next = first.next; next !== null;) {
    const page = fixture.list(`limit=2&before=${next}`);
    assert.ok(page.items.length > 0);
    seen.push(...page.items);
    next = page.next;
  }
  assert.deepEqual(numbersOf(seen), [4, 7, 6, 5, 3, 2, 1]);
});

Deno.test("a trace has its spans in order, its lines, its Passport and the verdicts", async () => {
  await using fixture = await setup();
  const traceId = traceIdOf(1);
  fixture.store.write({ lines: [answeredLine(traceId, { time: start + 40, durationMs: 40 })] });
  const detail = readDetail(fixture.db, traceId);
  assert.equal(detail?.request?.path, "/users/0192");
  assert.deepEqual(detail?.spans.map(({ name }) => name), [
    "GET /users/{id}",
    "gateway.verify",
    "gateway.revocation",
    "gateway.sign",
    "GET",
    "GET /users/:id",
    "QUERY",
  ]);
  assert.deepEqual(detail?.logs.map(({ message }) => message), ["Request completed"]);
  assert.deepEqual(detail?.passport, {
    kid: "pass-1",
    claims: {
      sub: "user:0192",
      roles: ["learner"],
      iat: 1_772_000_000,
      exp: 1_772_000_030,
      txn: traceId,
    },
  });
  assert.deepEqual(detail?.verdicts, [{ service: "user", verdict: "accepted", time: start + 1 }]);
});

Deno.test("a refused request has no Passport", async () => {
  await using fixture = await setup();
  const detail = readDetail(fixture.db, traceIdOf(2));
  assert.equal(detail?.passport, null);
  assert.deepEqual(detail?.verdicts, []);
});

Deno.test("the Passport of the request is shown, not the one the gateway signed for itself", async () => {
  await using fixture = await setup();
  const traceId = traceIdOf(2);
  const sign = acceptedTrace({ traceId, start }).find(({ name }) => name === "gateway.sign");
  assert.ok(sign);
  const own = { ...sign.attributes, "edgepass.passport.sub": "svc:gateway" };
  await fixture.send([
    sign,
    { ...sign, spanId: "c000000000000009", parentSpanId: sign.spanId, attributes: own, start },
  ]);
  assert.equal(readDetail(fixture.db, traceId)?.passport?.claims.sub, "user:0192");
});

Deno.test("the beginning of a trace id finds all matching traces", async () => {
  await using fixture = await setup();
  assert.deepEqual(findTraceIds(fixture.db, traceIdOf(3), 5), [traceIdOf(3)]);
  assert.equal(findTraceIds(fixture.db, "aaaa", 3).length, 3);
  assert.deepEqual(findTraceIds(fixture.db, "ab", 3), []);
});

async function setupLines() {
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
    await using fixture = await setupLines();
    assert.deepEqual(fixture.numbers(query), expected);
  });
}

for (const query of ["limit=1000", "before=0", "before=x", "traceId=abc"]) {
  Deno.test(`log lines by "${query}" are refused`, async () => {
    await using fixture = await setupLines();
    assert.throws(
      () => fixture.search(query),
      (error) => error instanceof Refusal && error.status === 400,
    );
  });
}

Deno.test("pages of a search have every line once", async () => {
  await using fixture = await setupLines();
  const first = fixture.search("limit=2&q=e");
  const second = fixture.search(`limit=2&q=e&before=${first.next}`);
  const found = [...first.items, ...second.items].map(({ message }) => message[0]);
  assert.deepEqual(found, ["5", "4", "2", "1"]);
  assert.equal(second.next, null);
});

Deno.test("a search that ended early does not affect the next one", async () => {
  await using fixture = await setupLines();
  assert.deepEqual(fixture.numbers("limit=1"), [5]);
  fixture.store.write({ lines: [lineOf({ message: "6" })] });
  assert.deepEqual(fixture.numbers("limit=1"), [6]);
});

Deno.test("the last lines are in the order they were written", async () => {
  await using fixture = await setupLines();
  assert.deepEqual(readLastLines(fixture.db, 2).map(({ message }) => message[0]), ["4", "5"]);
});
