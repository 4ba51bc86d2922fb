import { createClient } from "@libsql/client/http";
import assert from "node:assert/strict";
import { SqlFault, StoreUnavailable } from "./statement.ts";
import { libsqlSql } from "./open_sql_db.ts";

const statement = { sql: "SELECT 1", params: [] };

/** A database with the test's own `fetch`. */
const withFetch = (fetch: (request: Request) => Promise<Response>) =>
  libsqlSql({ url: "https://db.example.com", token: "t0ken", timeoutMs: 20, fetch });

const json = (body: unknown) => () => Promise.resolve(Response.json(body));

const outages: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
  "refuses the connection": () => Promise.reject(new TypeError("connection refused")),
  "refuses the token": () =>
    Promise.resolve(Response.json({ error: "Unauthorized" }, { status: 401 })),
  "returns 502": () => Promise.resolve(new Response("bad gateway", { status: 502 })),
  "returns HTML": () =>
    Promise.resolve(new Response("<html>", { headers: { "content-type": "text/html" } })),
  "returns JSON of another shape": json({ results: "many" }),
  "returns no results": json({ baton: null, base_url: null, results: [] }),
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
  Deno.test(`a libSQL server that ${what} is an unavailable store`, async () => {
    const sql = withFetch(fetch);
    await assert.rejects(sql.run(statement), StoreUnavailable);
    await assert.rejects(sql.batch([statement]), StoreUnavailable);
  });
}

Deno.test("a libSQL server that does not respond is an unavailable store after the timeout", async () => {
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

Deno.test("a libSQL server that recovers is used again", async () => {
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

Deno.test("an integer from libSQL that a number cannot represent is a SqlFault", async () => {
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

Deno.test("the token of a libSQL database is sent only in the header, and is in no error", async () => {
  const requests: Request[] = [];
  const sql = withFetch((request) => {
    requests.push(request);
    return Promise.reject(new TypeError("refused"));
  });
  const error = await sql.run(statement).catch((error) => error);
  assert.equal(requests[0]?.headers.get("authorization"), "Bearer t0ken");
  assert.ok(!`${error} ${error.cause}`.includes("t0ken"));
});

Deno.test("an invalid libSQL URL is refused with an error that does not contain it", () => {
  for (const url of ["file:db?authToken=s3cret", "s3cret", "ftp://s3cret", "http://h?s3cret=1"]) {
    assert.throws(() => libsqlSql({ url }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(!error.message.includes("s3cret") && error.cause === undefined);
      return true;
    });
  }
});

const urls = [
  ..."libsql://db.example.com libsql://db.example.com/path?authToken=t libsql://h:8080?tls=0".split(
    " ",
  ),
  ..."libsql://h?tls=1 libsql://h:443?tls=0 LIBSQL://h https://h?tls=1 http://h?tls=0 http://h:1"
    .split(" "),
  ..."https://user:password@h http://[::1]:8080 https://h/a%20b libsql://h?tls=0&tls=1".split(" "),
  ..."libsql://h?tls=0 http://h?tls=1 https://h?tls=0 https://h?tls=2 https://h?cache=shared".split(
    " ",
  ),
  ..."https://h#part https://h# https:h libsql:h libsql:// https:// https://h/%zz libsql://a%20b"
    .split(" "),
  ..."https://h?authToken=%ff ws://h file:db h :memory: https://h:99999 libsql://a[b].example"
    .split(" "),
];

/** Whether the client itself takes the URL. */
function isTaken(url: string): boolean {
  try {
    createClient({ url });
    return true;
  } catch {
    return false;
  }
}

Deno.test("the URLs refused at the start are exactly those that the client refuses later", () => {
  assert.ok(urls.some(isTaken) && !urls.every(isTaken));
  for (const url of urls) {
    const open = () => libsqlSql({ url });
    if (isTaken(url)) assert.doesNotThrow(open, url);
    else assert.throws(open, TypeError, url);
  }
});
