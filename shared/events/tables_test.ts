import assert from "node:assert/strict";
import { services } from "../../dev/workspace/generated/services.ts";

const root = new URL("../../", import.meta.url);

Deno.test("every service with events has an identical copy of the event tables as a migration", async () => {
  const text = await Deno.readTextFile(new URL("shared/events/tables.sql", root));
  const found: string[] = [];
  for await (const { name } of Deno.readDir(new URL("services/", root))) {
    const folder = new URL(`services/${name}/migrations/`, root);
    if (!await Deno.stat(folder).then(() => true, () => false)) continue;
    for await (const file of Deno.readDir(folder)) {
      if (!/^\d{4}_events\.sql$/.test(file.name)) continue;
      assert.equal(await Deno.readTextFile(new URL(file.name, folder)), text, name);
      found.push(name);
    }
  }
  const expected = Object.entries(services).filter(([, { hasEvents }]) => hasEvents);
  assert.ok(expected.length >= 5);
  assert.deepEqual(found.toSorted(), expected.map(([name]) => name).toSorted());
});
