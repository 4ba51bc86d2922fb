import assert from "node:assert/strict";
import { createTestHarness } from "wrangler";
import { libsqlSql } from "../../shared/sql/open_sql_db.ts";
import { openNodeSqlite } from "../../shared/sql/node_sqlite.ts";
import { startHranaServer } from "../hrana_server.ts";
import { sqlCases } from "./sql_cases.ts";
import { migrationCases } from "./sql_migration_cases.ts";

const cases = Object.entries({ ...sqlCases, ...migrationCases });

for (const [name, run] of cases) {
  Deno.test(`node:sqlite: ${name}`, async () => {
    const sql = openNodeSqlite(":memory:");
    try {
      await run(sql, "t");
    } finally {
      sql.close();
    }
  });

  Deno.test(`libSQL over HTTP: ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    {
      await using server = startHranaServer({ path: `${folder}/db`, token: "t0ken" });
      await run(libsqlSql({ url: server.url, token: "t0ken" }), "t");
      assert.equal(server.openStreams(), 0);
    }
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("D1", async (t) => {
  // Set before the harness starts: otherwise it would load an example of request.cf from the
  // network.
  Deno.env.set("CLOUDFLARE_CF_FETCH_ENABLED", "false");
  Deno.env.set("WRANGLER_SEND_METRICS", "false");
  const harness = createTestHarness({
    root: new URL("./sql_worker/", import.meta.url).pathname,
    workers: [{ configPath: "./wrangler.toml" }],
  });
  try {
    const { url } = await harness.listen();
    await harness.getWorker("edgepass-sql-contract").applyD1Migrations("DB");
    for (const [index, name] of Object.keys(sqlCases).entries()) {
      await t.step(name, async () => {
        const response = await fetch(new URL(`/${index}`, url));
        assert.equal(await response.text(), "passed");
      });
    }
  } finally {
    await harness.close();
  }
});
