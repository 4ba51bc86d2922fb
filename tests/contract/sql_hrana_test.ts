import assert from "node:assert/strict";
import { createClient, LibsqlError } from "@libsql/client/http";
import { startHranaServer } from "../hrana_server.ts";

/** A server on its own file and the real client, which sends requests that the port never sends. */
async function setup({ token }: { token?: string } = {}) {
  const folder = await Deno.makeTempDir();
  const server = startHranaServer({ path: `${folder}/db`, token: "t0ken" });
  return {
    client: createClient({ url: server.url, authToken: token ?? "t0ken" }),
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("the libSQL server runs a sequence and keeps a stream across requests", async () => {
  await using libsql = await setup();
  const { client, server } = libsql;
  await client.executeMultiple("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1);");
  const transaction = await client.transaction("write");
  await transaction.execute("INSERT INTO t VALUES (2)");
  assert.equal(server.openStreams(), 1);
  await transaction.commit();
  const undone = await client.transaction("write");
  const { rowsAffected, lastInsertRowid } = await undone.execute("INSERT INTO t VALUES (3), (4)");
  assert.deepEqual([rowsAffected, lastInsertRowid], [2, 4n]);
  await undone.rollback();
  const { rows } = await client.execute("SELECT n FROM t");
  assert.deepEqual(rows.map(({ n }) => n), [1, 2]);
  assert.equal(server.openStreams(), 0);
});

Deno.test("the libSQL server reports busy to a second writer", async () => {
  await using libsql = await setup();
  const writer = await libsql.client.transaction("write");
  await writer.execute("CREATE TABLE t (n INTEGER)");
  const isBusy = (error: unknown) => error instanceof LibsqlError && error.code === "SQLITE_BUSY";
  await assert.rejects(libsql.client.batch(["SELECT 1"], "write"), isBusy);
  await writer.rollback();
});

Deno.test("the libSQL server refuses another token", async () => {
  await using libsql = await setup({ token: "other" });
  await assert.rejects(libsql.client.execute("SELECT 1"), /401/);
  assert.deepEqual(libsql.server.requests, []);
});
