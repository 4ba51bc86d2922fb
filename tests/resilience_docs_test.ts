import assert from "node:assert/strict";
import { dependencies } from "@edgepass/contracts/dependencies";
import { defaultPolicy } from "@edgepass/shared/resilience";
import { type Outage, type Scenario, simulate } from "./support/breaker_simulation.ts";
import { readProjectFile } from "./support/markdown.ts";

const document = "docs/resilience.md";

/** The rows of the document's tables, as cells without code marks. */
async function readRows(): Promise<string[][]> {
  const text = await readProjectFile(document);
  const rows = text.split("\n").filter((row) => /^\| .* \|$/.test(row));
  return rows.map((row) => row.slice(2, -2).split(" | ").map((cell) => cell.trim()));
}

const outages: readonly Outage[] = ["refuses", "hangs"];
/** Requests a second, and the number of isolates. */
const traffic = [[2, 1], [5, 1], [50, 1], [50, 4], [50, 10], [50, 25], [500, 10], [500, 100]];
const scenarios: readonly Scenario[] = outages.flatMap((outage) =>
  traffic.map(([rate = 0, isolates = 0]) => ({ outage, rate, isolates }))
);

function toRow(scenario: Scenario): string[] {
  const found = simulate(scenario);
  const seconds = (value: number | undefined) =>
    value === undefined ? "not at all" : `${value.toFixed(1)} s`;
  return [
    scenario.outage,
    String(scenario.rate),
    String(scenario.isolates),
    seconds(found.halfOpenedAfter),
    seconds(found.allOpenedAfter),
    String(found.met),
    String(found.refused),
    seconds(found.closedAfter),
  ];
}

Deno.test("docs/resilience.md has the results of the simulation", async () => {
  const documented = (await readRows()).filter(([first]) => outages.some((one) => one === first));
  assert.deepEqual(documented, scenarios.map(toRow));
});

for (const outage of outages) {
  Deno.test(`[D02, F31, F40] at 50 requests a second a breaker opens in 2 s when it ${outage}`, () => {
    const found = simulate({ outage, rate: 50, isolates: 1 });
    assert.ok(found.allOpenedAfter !== undefined && found.allOpenedAfter <= 2);
    assert.ok(found.closedAfter <= 5, "closed within 5 s of the end");
    assert.equal(found.mostProbes, 1, "one probe in a second");
  });
}

/** The numbers of a policy by their names in the document. */
function flatten(value: object, prefix = ""): [name: string, value: string][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === "object" && inner !== null
      ? flatten(inner, `${prefix}${name}.`)
      : [[prefix + name, String(inner)] as [string, string]]
  );
}

Deno.test("docs/resilience.md has every setting with its default", async () => {
  const actual = flatten(defaultPolicy);
  const bare = (cell = "") => cell.replaceAll("`", "");
  const documented = (await readRows()).map(([name, value]) => [bare(name), value])
    .filter(([name]) => actual.some(([setting]) => setting === name));
  assert.deepEqual(documented, actual);
});

Deno.test("docs/resilience.md has every dependency with other values, and those values", async () => {
  const rows = (await readRows()).filter(({ length, 0: name = "" }) =>
    length === 3 && Object.hasOwn(dependencies, name.replaceAll("`", ""))
  );
  const documented = rows.map(([name = "", differs = ""]) => [
    name.replaceAll("`", ""),
    differs.split(", ").map((one) => one.replaceAll("`", "")),
  ]);
  const actual = Object.entries(dependencies)
    .map(([name, row]) => [name, flatten(row).map((pair) => pair.join(" "))] as const)
    .filter(([, differs]) => differs.length > 0);
  assert.deepEqual(documented.toSorted(), actual.toSorted().map((row) => [...row]));
});
