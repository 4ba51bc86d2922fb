import assert from "node:assert/strict";
import { createClient } from "@libsql/client/http";
import { migrations } from "../app/generated/migrations_deno.ts";
import { startHranaServer } from "./hrana_server.ts";

const root = new URL("../", import.meta.url);

async function setup() {
  const folder = await Deno.makeTempDir();
  return {
    folder,
    /** Runs the command with exactly these databases. */
    async migrate(env: Record<string, string>) {
      const none = Object.fromEntries(Object.keys(migrations).map((name) => [name, ""]));
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", "--quiet", "app/migrate_deno.ts"],
        cwd: root,
        env: { ...none, ...env, NO_COLOR: "1" },
      }).output();
      const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, lines: out.trim().split("\n"), err: err.trim() };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function filesOf(service: string): Promise<string> {
  const names: string[] = [];
  const folder = new URL(`services/${service}/migrations/`, root);
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.toSorted().join(", ");
}

Deno.test("deno task migrate applies missing migrations to libSQL and to files, and lists them", async () => {
  await using command = await setup();
  const token = "a token of the database";
  await using server = startHranaServer({ path: `${command.folder}/auth`, token });
  const env = {
    AUTH_DB: server.url,
    AUTH_DB_TOKEN: token,
    USER_DB: `sqlite:${command.folder}/new/user.db`,
  };
  const [auth, user] = [await filesOf("auth"), await filesOf("user")];
  const first = await command.migrate(env);
  assert.deepEqual(first, {
    code: 0,
    lines: [`AUTH_DB: applied ${auth}`, `USER_DB: applied ${user}`],
    err: "",
  });
  const again = await command.migrate(env);
  assert.deepEqual(again, {
    code: 0,
    lines: ["AUTH_DB: up to date", "USER_DB: up to date"],
    err: "",
  });
  const client = createClient({ url: server.url, authToken: token });
  const { rows } = await client.execute("SELECT COUNT(*) AS n FROM accounts");
  assert.equal(rows[0]?.n, 0);
  assert.equal(server.openStreams(), 0);
});

Deno.test("deno task migrate fails where a database is unavailable, and shows neither URL nor token", async () => {
  await using command = await setup();
  const env = { AUTH_DB: "http://127.0.0.1:9/secret-path", AUTH_DB_TOKEN: "secret-token" };
  const { code, err } = await command.migrate(env);
  assert.equal(code, 1);
  assert.match(err, /^AUTH_DB: /);
  assert.doesNotMatch(err, /secret/);
});

Deno.test("deno task migrate without a database lists the variables that it reads", async () => {
  await using command = await setup();
  const { code, err } = await command.migrate({});
  assert.deepEqual([code, err], [
    1,
    `Cannot migrate: set one of ${[...Object.keys(migrations), "CONTROL_DB"].join(", ")}`,
  ]);
});
