import assert from "node:assert/strict";
import { SqlFault, StoreUnavailable } from "./errors.ts";
import { libsqlSql } from "./libsql.ts";

const statement = { sql: "SELECT 1", params: [] };

/** A database behind a `fetch` of the test's own. */
const withFetch = (fetch: (request: Request) => Promise<Response>) =>
  libsqlSql({ url: "https://db.example.com", token: "t0ken", timeoutMs: 20, fetch });

const json = (body: unknown) => () => Promise.resolve(Response.json(body));

const outages: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
  "refuses the connection": () => Promise.reject(new TypeError("connection refused")),
  "does not know the token": () =>
    Promise.resolve(Response.json({ error: "Unauthorized" }, { status: 401 })),
  "answers 502": () => Promise.resolve(new Response("bad gateway", { status: 502 })),
  "answers HTML": () =>
    Promise.resolve(new Response("<html>", { headers: { "content-type": "text/html" } })),
  "answers JSON of another shape": json({ results: "many" }),
  "answers nothing": json({ baton: null, base_url: null, results: [] }),
  "is busy": json({
    baton: null,
    base_url: null,
    results: [
      {
        type: "error",
        error: { message: "SQLite error: database is locked", code: "SQLITE_BUSY" },
      },
      { type: "ok", response: { type: "close" } },
    ],
  }),
};

for (const [what, fetch] of Object.entries(outages)) {
  Deno.test(`a libSQL server that ${what} is a store that is away`, async () => {
    const sql = withFetch(fetch);
    await assert.rejects(sql.run(statement), StoreUnavailable);
    await assert.rejects(sql.batch([statement]), StoreUnavailable);
  });
}

Deno.test("a libSQL server that is silent is a store that is away within the timeout", async () => {
  const late = Promise.withResolvers<never>();
  const bound = setTimeout(() => late.reject(new Error("Call outlived its timeout")), 5_000);
  const sql = withFetch((request) =>
    new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason))
    )
  );
  await assert.rejects(Promise.race([sql.run(statement), late.promise]), StoreUnavailable);
  clearTimeout(bound);
});

Deno.test("a libSQL server that was away is asked again", async () => {
  let isAway = true;
  const cols = [{ name: "n", decltype: null }];
  const result = { cols, rows: [[{ type: "integer", value: "7" }]], affected_row_count: 0 };
  const sql = withFetch(() =>
    isAway ? Promise.reject(new TypeError("refused")) : json({
      baton: null,
      base_url: null,
      results: [
        { type: "ok", response: { type: "execute", result } },
        { type: "ok", response: { type: "close" } },
      ],
    })()
  );
  await assert.rejects(sql.run(statement), StoreUnavailable);
  isAway = false;
  assert.deepEqual(await sql.run(statement), [[7]]);
});

Deno.test("an integer from libSQL that a number cannot hold is a fault", async () => {
  const cols = [{ name: "n", decltype: null }];
  const rows = [[{ type: "integer", value: "9007199254740993" }]];
  const result = { cols, rows, affected_row_count: 0 };
  const sql = withFetch(json({
    baton: null,
    base_url: null,
    results: [
      { type: "ok", response: { type: "execute", result } },
      { type: "ok", response: { type: "close" } },
    ],
  }));
  await assert.rejects(sql.run(statement), SqlFault);
});

Deno.test("the token of a libSQL database goes in the header alone", async () => {
  const requests: Request[] = [];
  const sql = withFetch((request) => {
    requests.push(request);
    return Promise.reject(new TypeError("refused"));
  });
  const error = await sql.run(statement).catch((error) => error);
  assert.equal(requests[0]?.headers.get("authorization"), "Bearer t0ken");
  assert.ok(!`${error} ${error.cause}`.includes("t0ken"));
});

Deno.test("a URL that libSQL does not take is refused without showing it", () => {
  for (const url of ["file:db?authToken=s3cret", "s3cret", "ftp://s3cret", "http://h?s3cret=1"]) {
    assert.throws(() => libsqlSql({ url }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(!error.message.includes("s3cret") && error.cause === undefined);
      return true;
    });
  }
});
