import assert from "node:assert/strict";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

const text = Deno.readTextFileSync(new URL("../../docs/qstash.md", import.meta.url));

Deno.test("every route that docs/qstash.md lists is served", async () => {
  await using system = createTestSystem();
  const routes = [...text.matchAll(/^\| `([A-Z]+) (\/v2\/[^`]+)`/gm)];
  assert.equal(routes.length, 38);
  for (const [, method = "", path = ""] of routes) {
    const place = path.replace("{destination}", system.url).replaceAll(/\{\w+\}/g, "unknown");
    const { status } = await system.send(method, place);
    assert.ok(![405, 500, 501].includes(status), `${method} ${path}: ${status}`);
  }
  assert.deepEqual(system.causes, []);
});

Deno.test("docs/qstash.md lists every fault", async () => {
  await using system = createTestSystem();
  const { body } = await system.send("GET", "/v2/local/faults");
  const rows = text.split("\n").filter((line) => /^\| `[a-zA-Z]+`/.test(line));
  const listed = rows.flatMap((row) => (row.split("|")[1] ?? "").match(/\w+/g) ?? []);
  assert.deepEqual(listed.toSorted(), Object.keys(body).toSorted());
});
