import { readArguments } from "@edgepass/shared/runtime/deno";
import { readFile, writeFile } from "node:fs/promises";
import { toDashboard } from "./dashboard.ts";
import { events } from "./dashboards/events.ts";
import { gateway } from "./dashboards/gateway.ts";
import { identity } from "./dashboards/identity.ts";
import { resilience } from "./dashboards/resilience.ts";
import { services } from "./dashboards/services.ts";
import { withMetrics } from "./metrics_table.ts";
import { writeRules } from "./rules.ts";

const dashboards = { gateway, services, identity, events, resilience } as const;

/** The document that shows the catalogue. */
export const catalogueDocument = "docs/observability.md";

/** Every file that is generated from the catalogue alone, by its path in the project. */
export function generate(): ReadonlyMap<string, string> {
  const files = Object.entries(dashboards).map(([name, plan]) =>
    [
      `ops/grafana/dashboards/${name}.json`,
      `${JSON.stringify(toDashboard(plan), null, 2)}\n`,
    ] as const
  );
  return new Map([...files, ["ops/prometheus/rules.yml", writeRules()]]);
}

async function write(): Promise<void> {
  const root = new URL("../", import.meta.url);
  for (const [path, text] of generate()) await writeFile(new URL(path, root), text);
  const document = new URL(catalogueDocument, root);
  await writeFile(document, withMetrics(await readFile(document, "utf8")));
}

if (import.meta.main) {
  readArguments({
    usage: "Usage: deno task ops\n\nGenerates files of ops/ and the metrics of " +
      "docs/observability.md from the catalogue.",
    maxWords: 0,
  });
  await write();
}
