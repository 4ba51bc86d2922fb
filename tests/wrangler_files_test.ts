import assert from "node:assert/strict";
import { services } from "../app/generated/services.ts";
import { listWorkers } from "../app/workerd_bundle.ts";

const root = new URL("../", import.meta.url);

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

Deno.test("Wrangler files agree with each other", async () => {
  const files = new Map<string, string>();
  for (const path of await listWorkers()) files.set(path, await readText(path));
  const [dates, flags] = ["compatibility_date", "compatibility_flags"].map((name) =>
    new Set([...files.values()].map((text) => new RegExp(`^${name} = (.+)$`, "m").exec(text)?.[1]))
  );
  assert.equal(dates?.size, 1);
  assert.deepEqual([...flags ?? []], ['["nodejs_compat"]']);

  const databases = new Map<string, string>();
  for (const [path, text] of files) {
    const folder = new URL(path, root);
    for (const table of tablesOf(text, "d1_databases")) {
      const { binding = "", migrations_dir = "", database_name, database_id } = table;
      const name = binding.replace(/_DB$/, "").toLowerCase();
      const unit = name === "control" ? name : `services/${name}`;
      assert.equal(
        new URL(migrations_dir, folder).href,
        new URL(`${unit}/migrations`, root).href,
      );
      const identity = `${database_name} ${database_id}`;
      assert.equal(databases.get(binding) ?? identity, identity, `${path} ${binding}`);
      databases.set(binding, identity);
    }
  }
  const owned = Object.values(services).flatMap(({ database }) => database ?? []);
  assert.deepEqual([...databases.keys()].toSorted(), [...owned, "CONTROL_DB"].toSorted());
  assert.equal(new Set(databases.values()).size, databases.size, "a database of its own for each");
  const maintaining = [...files].filter(([, text]) => /^crons = \["/m.test(text)).map(([path]) =>
    path
  );
  assert.deepEqual(maintaining, [...files.keys()].filter((path) => path !== "wrangler.split.toml"));
});

Deno.test("service bindings lead to existing Workers, and form no cycle", async () => {
  const workers = new Map<string, Record<string, string>[]>();
  for (const path of await listWorkers()) {
    const text = await readText(path);
    workers.set(/^name = "(.+)"$/m.exec(text)?.[1] ?? path, tablesOf(text, "services"));
    const isPublic = !path.includes("/");
    assert.equal(/^workers_dev = true$/m.test(text), isPublic, path);
    if (!isPublic) assert.match(text, /^preview_urls = false$/m, path);
  }
  const visit = (name: string, chain: readonly string[]): void => {
    assert.ok(workers.has(name), `${name} is a Worker`);
    assert.ok(!chain.includes(name), `${[...chain, name].join(" → ")} is a circle`);
    for (const { binding, service = "" } of workers.get(name) ?? []) {
      assert.equal(service, `edgepass-${binding?.toLowerCase()}`);
      visit(service, [...chain, name]);
    }
  };
  visit("edgepass-gateway", []);
});

/** The tables of an array in a Wrangler file; all their values are strings. */
function tablesOf(text: string, name: string): Record<string, string>[] {
  return text.split(/^(?=\[)/m).filter((part) => part.startsWith(`[[${name}]]`)).map((part) =>
    Object.fromEntries(
      [...part.matchAll(/^(\w+) = "(.*)"$/gm)].map(([, key = "", value = ""]) => [key, value]),
    )
  );
}
