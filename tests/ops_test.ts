import assert from "node:assert/strict";
import {
  metricCatalogue,
  type MetricDefinition,
  telemetrySettings,
} from "@edgepass/shared/telemetry";
import { parse } from "yaml";
import * as z from "zod/mini";
import { catalogueDocument, generate } from "../ops/generate.ts";
import { withMetrics } from "../ops/metrics_table.ts";
import { burns } from "../ops/objectives.ts";
import { readProjectFile } from "./support/markdown.ts";
import { files, walk } from "./support/sources.ts";

Deno.test("ops/ equals what the catalogue generates: otherwise run deno task ops", async () => {
  const generated = generate();
  for (const [path, text] of generated) assert.equal(await readProjectFile(path), text, path);
  const there = await Array.fromAsync(walk("ops/grafana/dashboards"));
  assert.deepEqual(there.filter((path) => !generated.has(path)), []);
  const document = await readProjectFile(catalogueDocument);
  assert.equal(document, withMetrics(document), catalogueDocument);
});

/**
 * Prometheus' OTLP receiver appends the unit's word unless the unit is in braces, `_total` to
 * counters and `_ratio` to gauges of unit 1, and drops words that the name already has
 * (prometheus/otlptranslator, `metric_namer.go`). A new unit needs its word in `prometheusName`
 * too.
 */
Deno.test("a pushed metric has the same name as at /metrics", () => {
  for (const [name, { unit }] of Object.entries<MetricDefinition>(metricCatalogue)) {
    assert.match(unit, /^(s|\{[a-z_]+\})$/, `${name}: the receiver's word for ${unit}`);
    assert.doesNotMatch(name, /(^|[._])(seconds|total|ratio)([._]|$)|[._]{2}/, name);
  }
});

/** The cells of a section's table, without the header. */
function readTable(document: string, heading: string): string[][] {
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|")).slice(2);
  assert.ok(lines.length > 0, heading);
  return lines.map((line) =>
    line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim())
  );
}

const bare = (cell = ""): string => cell.replaceAll("`", "");

Deno.test("docs/observability.md has every setting of telemetry with its default", async () => {
  const rows = readTable(await readProjectFile(catalogueDocument), "Settings");
  assert.deepEqual(rows.map(([name]) => bare(name)), Object.keys(telemetrySettings));
  const defaults: Record<string, unknown> = z.parse(z.object(telemetrySettings), {});
  for (const [name = "", meaning, without = ""] of rows) {
    assert.ok(meaning, name);
    const value = defaults[bare(name)];
    // Where the schema has no default, the table describes the behaviour in words.
    if (value === undefined || typeof value === "object") assert.doesNotMatch(without, /`/, name);
    else assert.equal(without, `\`${value}\``, name);
  }
});

/** Attribute and metric names in the sources of gateway and shared. */
async function readNames(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const quoted = /"((?:edgepass|http|url|user|error|db)\.[a-z_.]+)"/g;
  for await (const { path, text } of files(["gateway", "shared"])) {
    if (path.endsWith("/catalogue.ts")) continue;
    for (const [, name = ""] of text.matchAll(quoted)) names.add(name);
  }
  return names;
}

/** Names derived from a Passport's claims, or names that are no attributes. */
const apart = new Set([
  "edgepass.passport.kid",
  "edgepass.passport.<claim>",
  "edgepass.local",
  "edgepass.span",
]);

Deno.test("docs/observability.md names the attributes that the source sets, and no other", async () => {
  const document = await readProjectFile(catalogueDocument);
  const rows = readTable(document, "The spans of a request");
  const documented = rows.flatMap((row) => [...row.at(-1)?.matchAll(/`([^`]+)`/g) ?? []])
    .map(([, name = ""]) => name);
  const set = await readNames();
  assert.ok(documented.length > 20 && set.size > 20);
  assert.deepEqual(documented.filter((name) => !set.has(name) && !apart.has(name)), []);
  const silent = [...set].filter((name) => !document.includes(`\`${name}\``) && !apart.has(name));
  assert.deepEqual(silent, []);
});

Deno.test("docs/observability.md has the burn rates of the alerts", async () => {
  const rows = readTable(await readProjectFile(catalogueDocument), "Dashboards and alerts");
  const short = (time = "") => time.replace(/ (\w)\w*$/, "$1");
  assert.deepEqual(
    rows.map(([factor, long, still, severity]) => [
      Number(factor),
      short(long),
      short(still),
      severity,
    ]),
    burns.map((burn) => [burn.factor, burn.long, burn.short, burn.severity]),
  );
});

const Compose = z.strictObject({
  name: z.string(),
  services: z.record(
    z.string(),
    z.strictObject({
      image: z.string().check(z.regex(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/, "is not pinned")),
      command: z.optional(z.array(z.string())),
      depends_on: z.optional(z.array(z.string())),
      environment: z.optional(z.record(z.string(), z.string())),
      ports: z.array(
        z.string().check(z.regex(/^127\.0\.0\.1:(\d+):\1$/, "is reachable from outside")),
      ),
      volumes: z.array(z.string()),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
});

async function readYaml<Schema extends z.ZodMiniType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  return z.parse(schema, parse(await readProjectFile(path)));
}

Deno.test("the compose file pins images, stays on loopback, and mounts existing files", async () => {
  const compose = await readYaml("ops/compose.yml", Compose);
  const services = Object.entries(compose.services);
  const ports = services.flatMap(([, { ports }]) => ports);
  assert.equal(new Set(ports).size, ports.length);
  for (const [service, { volumes, depends_on: others = [] }] of services) {
    assert.deepEqual(others.filter((name) => !(name in compose.services)), [], service);
    for (const volume of volumes) {
      const [source = "", target = "", mode] = volume.split(":");
      assert.match(target, /^\//, service);
      if (!source.startsWith("./")) {
        assert.ok(source in compose.volumes, source);
        continue;
      }
      assert.equal(mode, "ro", `${service} may not write into the project`);
      await Deno.stat(new URL(`../ops/${source}`, import.meta.url));
    }
  }
});

Deno.test("Prometheus names pushed metrics as the catalogue does, and loads its rules", async () => {
  const Prometheus = z.object({
    otlp: z.strictObject({ translation_strategy: z.string() }),
    rule_files: z.array(z.string()),
  });
  const { otlp, rule_files } = await readYaml("ops/prometheus/prometheus.yml", Prometheus);
  assert.equal(otlp.translation_strategy, "UnderscoreEscapingWithSuffixes");
  const { services: { prometheus } } = await readYaml("ops/compose.yml", Compose);
  assert.ok(prometheus?.volumes.includes("./prometheus:/etc/prometheus:ro"));
  const flags = ["--config.file=/etc/prometheus/prometheus.yml", "--web.enable-otlp-receiver"];
  assert.ok(flags.every((flag) => prometheus?.command?.includes(flag)));
  assert.ok(rule_files.every((file) => generate().has(`ops/prometheus/${file}`)));
});

Deno.test("Grafana finds its dashboards, Prometheus and Tempo", async () => {
  const { services } = await readYaml("ops/compose.yml", Compose);
  const Providers = z.object({
    providers: z.array(z.object({ options: z.object({ path: z.string() }) })),
  });
  const Sources = z.object({
    datasources: z.array(z.object({ type: z.string(), url: z.string() })),
  });
  const folder = "ops/grafana/provisioning";
  const { providers } = await readYaml(`${folder}/dashboards/edgepass.yml`, Providers);
  for (const { options } of providers) {
    assert.ok(services.grafana?.volumes.includes(`./grafana/dashboards:${options.path}:ro`));
  }
  const { datasources } = await readYaml(`${folder}/datasources/edgepass.yml`, Sources);
  assert.deepEqual(datasources.map(({ type }) => type), ["prometheus", "tempo"]);
  for (const { url } of datasources) {
    const { hostname, port } = new URL(url);
    assert.ok(services[hostname]?.ports.includes(`127.0.0.1:${port}:${port}`), url);
  }
});

Deno.test("Tempo listens on the ports for queries and exports", async () => {
  const Tempo = z.object({
    server: z.object({ http_listen_port: z.number() }),
    distributor: z.object({
      receivers: z.object({
        otlp: z.object({ protocols: z.object({ http: z.object({ endpoint: z.string() }) }) }),
      }),
    }),
  });
  const { server, distributor } = await readYaml("ops/tempo.yml", Tempo);
  const { services: { tempo } } = await readYaml("ops/compose.yml", Compose);
  const { endpoint } = distributor.receivers.otlp.protocols.http;
  const ports = [server.http_listen_port, Number(endpoint.replace("0.0.0.0:", ""))];
  assert.deepEqual(
    tempo?.ports.map((port) => Number(port.split(":").at(-1))).toSorted(),
    ports.toSorted(),
  );
});
