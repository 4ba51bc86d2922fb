import assert from "node:assert/strict";
import { readProjectFile } from "./support/markdown.ts";
import { telemetrySettings } from "@edgepass/shared/telemetry";
import { listWorkers } from "../app/workerd_bundle.ts";

const root = new URL("../", import.meta.url);
const services = ["auth", "user", "course", "enrollment", "recommendation"] as const;

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

/** The names in a settings schema, as the source writes them: `NAME: z.…`, one per line. */
async function readNames(path: string): Promise<string[]> {
  const text = await readText(path);
  const names = [...text.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name = ""]) => name);
  assert.ok(names.length > 0, path);
  return names.filter((name) => !notTexts.has(name));
}

/** Bindings that are not variables, and variables that only dev sets. */
const notTexts = new Set([
  "LOG_SINK",
  "ASSETS",
  "TELEMETRY",
  "INFLIGHT_FILE",
  "PASSPORT_KEYS_RELOAD",
  "ACCESS_TOKEN_KEYS_RELOAD",
]);

/** Every program reads the telemetry settings and requires none: they have their own table. */
const isOfTelemetry = (name: string): boolean => name in telemetrySettings;

/** Optional in a deployment, so no file may require them; a comment names them. */
const optionalSecrets = [
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "RECOMMENDER_KEY",
];

/** The programs that read each setting, by the schemas. */
async function readReaders(): Promise<Map<string, Set<string>>> {
  const [log, upstash, ...ofServices] = await Promise.all([
    "shared/log.ts",
    "shared/redis/upstash.ts",
    "shared/http/service_runtime.ts",
    "shared/events/qstash.ts",
  ].map(readNames));
  const common = [...log ?? [], ...upstash ?? [], ...ofServices.flat()];
  const places = services.map((name) => name.toUpperCase());
  const read: Record<string, string[]> = {
    gateway: [...await readNames("gateway/config.ts"), ...log ?? [], ...upstash ?? [], ...places],
    auth: [...await readNames("services/auth/config.ts"), ...common],
    Deno: await readNames("shared/runtime/deno.ts"),
  };
  for (const name of services.slice(1)) {
    read[name] = [...await readNames(`services/${name}/compose.ts`), ...common];
  }
  const readers = new Map<string, Set<string>>();
  for (const [part, names] of Object.entries(read)) {
    for (const name of names) readers.set(name, (readers.get(name) ?? new Set()).add(part));
  }
  return readers;
}

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
    const expanded = readers.split(", ").flatMap((one) => one === "services" ? services : [one]);
    const isRequired = fallback === "refuses";
    const row = { readers: expanded.toSorted(), isSecret: secret === "yes", isRequired, fallback };
    return [name.replaceAll("`", ""), row] as const;
  });
  assert.equal(new Set(rows.map(([name]) => name)).size, rows.length);
  return new Map(rows);
}

Deno.test("the guide's table of settings equals the settings that each program's schema reads", async () => {
  const documented = [...await readTable()].map(([name, { readers }]) =>
    `${name}: ${readers.join(", ")}`
  );
  const read = [...await readReaders()].map(([name, parts]) =>
    `${name}: ${[...parts].toSorted().join(", ")}`
  );
  assert.deepEqual(documented.toSorted(), read.toSorted());
});

Deno.test("the guide lists no telemetry setting: docs/observability.md has them", async () => {
  assert.deepEqual([...(await readTable()).keys()].filter(isOfTelemetry), []);
  const guide = await readText("docs/deploy.md");
  assert.ok(guide.includes("(observability.md#settings)"));
  const others = await readText("docs/observability.md");
  for (const name of Object.keys(telemetrySettings)) assert.ok(others.includes(`| \`${name}\``));
});

Deno.test("the guide's defaults equal the schemas' defaults", async () => {
  const files = [
    "gateway/config.ts",
    "services/auth/config.ts",
    "shared/http/service_runtime.ts",
    "shared/events/qstash.ts",
    "shared/log.ts",
  ];
  const table = await readTable();
  const texts = (await Promise.all(files.map(readText))).join("\n");
  const defaults = [...texts.matchAll(/^ {2}([A-Z_]+): z\._default\(.*?, ("?)([\w.]+)\2\),$/gm)];
  assert.ok(defaults.length > 8);
  for (const [, name = "", , value = ""] of defaults) {
    const { fallback = "" } = table.get(name) ?? {};
    assert.equal(fallback.replaceAll("`", ""), value.replaceAll("_", ""), name);
  }
});

Deno.test("Wrangler files declare the settings of their Workers, and secrets as secrets", async () => {
  const table = await readTable();
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
      !optionalSecrets.includes(name)
    );
    for (const name of optionalSecrets) {
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

Deno.test("a setting is marked required exactly where its schema refuses without it", async () => {
  const table = await readTable();
  const required = [...table].filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  const optional = /: z\.optional\(|: z\._default\(/;
  const files = [
    "gateway/config.ts",
    "services/auth/config.ts",
    "shared/redis/upstash.ts",
    ...services.slice(1).map((name) => `services/${name}/compose.ts`),
  ];
  const lines = (await Promise.all(files.map(readText))).join("\n").split("\n");
  const demanded = lines.filter((line) =>
    /^ {2}[A-Z][A-Z0-9_]+: /.test(line) && !optional.test(line)
  )
    .map((line) => line.trim().split(":")[0] ?? "");
  assert.deepEqual(required.toSorted(), [...new Set(demanded)].toSorted());
});

Deno.test("the secret files of the guide are in .gitignore", async () => {
  const written = (await readProjectFile("docs/deploy.md")).matchAll(/> ([\w.-]+\.env)\b/g);
  const names = new Set([...written].map(([, name]) => name));
  const ignored = (await readProjectFile(".gitignore")).split("\n");
  assert.ok(names.size > 2);
  assert.ok(ignored.includes("*.env"));
});
