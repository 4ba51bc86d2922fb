import assert from "node:assert/strict";
import { readProjectFile } from "./support/markdown.ts";
import { telemetrySettings } from "@edgepass/shared/telemetry";
import { services as serviceNames } from "../app/services.ts";
import { listWorkers } from "../app/workerd_bundle.ts";

const root = new URL("../", import.meta.url);

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

/** Every program reads the telemetry settings and requires none: they have their own table. */
const isOfTelemetry = (name: string): boolean => name in telemetrySettings;

/** Optional in a deployment, so no file may require them; a comment names them. */
const optionalSecrets = (table: ReadonlyMap<string, Row>): string[] =>
  [...table].filter(([name, { isSecret, isRequired }]) =>
    isSecret && !isRequired && name !== "ADMIN_PASSWORD" && !name.endsWith("_DB_TOKEN")
  ).map(([name]) => name);

interface Row {
  readonly readers: readonly string[];
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly fallback: string;
}

/** The table of settings in the guide. */
async function readTable(): Promise<Map<string, Row>> {
  const guide = await readText("docs/deploy.md");
  const section = guide.split(/^## /m).find((part) => part.startsWith("Settings")) ?? "";
  const rows = section.split("\n").filter((line) => /^\| `[A-Z]/.test(line)).map((line) => {
    const [, name = "", readers = "", , fallback = "", secret = ""] = line.split("|")
      .map((cell) => cell.trim());
    const expanded = readers.split(", ").flatMap((one) =>
      one === "services" ? serviceNames : [one]
    );
    const isRequired = fallback === "refuses";
    const row = { readers: expanded.toSorted(), isSecret: secret === "yes", isRequired, fallback };
    return [name.replaceAll("`", ""), row] as const;
  });
  assert.equal(new Set(rows.map(([name]) => name)).size, rows.length);
  return new Map(rows);
}

Deno.test("the guide lists no telemetry setting: docs/observability.md has them", async () => {
  assert.deepEqual([...(await readTable()).keys()].filter(isOfTelemetry), []);
  const guide = await readText("docs/deploy.md");
  assert.ok(guide.includes("(observability.md#settings)"));
  const others = await readText("docs/observability.md");
  for (const name of Object.keys(telemetrySettings)) assert.ok(others.includes(`| \`${name}\``));
});

Deno.test("Wrangler files declare the settings of their Workers, and secrets as secrets", async () => {
  const table = await readTable();
  const optional = optionalSecrets(table);
  for (const name of ["QSTASH_TOKEN", "RECOMMENDER_KEY"]) assert.ok(optional.includes(name), name);
  for (const path of await listWorkers()) {
    // Its settings are in docs/only-the-gateway.md.
    if (path === "control/wrangler.toml") continue;
    const text = await readText(path);
    const [, service] = /^services\/(\w+)\//.exec(path) ?? [];
    const reads = (row: Row) =>
      service !== undefined
        ? row.readers.includes(service)
        : path === "wrangler.toml" || row.readers.includes("gateway");
    const bindings = [...text.matchAll(/^binding = "(\w+)"$/gm)].map(([, name]) => name);
    const variables = [...text.matchAll(/^([A-Z][A-Z0-9_]+) = "/gm)].map(([, name]) => name);
    const [, required = ""] = /^required = \[([^\]]*)\]/m.exec(text) ?? [];
    const secrets = [...required.matchAll(/"(\w+)"/g)].map(([, name]) => name);
    const expected = [...table].filter(([name, row]) =>
      reads(row) && !row.readers.includes("Deno") && !name.endsWith("_DB_TOKEN") &&
      !optional.includes(name)
    );
    for (const name of optional) {
      const row = table.get(name);
      assert.ok(row?.isSecret, name);
      assert.equal(text.includes(name), reads(row), `${path}: ${name} is named where it is read`);
      assert.ok(![...variables, ...secrets].includes(name), `${path}: ${name} is demanded`);
    }
    assert.ok(!variables.includes("OTEL_EXPORTER_OTLP_HEADERS"), `${path}: it is a secret`);
    const declared = [...bindings, ...variables, ...secrets]
      .filter((name = "") => name !== "ASSETS" && !isOfTelemetry(name));
    assert.deepEqual(declared.toSorted(), expected.map(([name]) => name).toSorted(), path);
    const isSecret = expected.filter(([, row]) => row.isSecret).map(([name]) => name);
    assert.deepEqual(secrets.toSorted(), isSecret.toSorted(), path);
  }
});

Deno.test("the secret files of the guide are in .gitignore", async () => {
  const written = (await readProjectFile("docs/deploy.md")).matchAll(/> ([\w.-]+\.env)\b/g);
  const names = new Set([...written].map(([, name]) => name));
  const ignored = (await readProjectFile(".gitignore")).split("\n");
  assert.ok(names.size > 2);
  assert.ok(ignored.includes("*.env"));
});
