import assert from "node:assert/strict";
import { lines } from "./chaos/findings.ts";
import { points } from "./chaos/points.ts";
import { countDeaths, isClean, toText } from "./chaos/report.ts";
import { runChaos } from "./chaos/run.ts";

Deno.test("no event is lost or applied twice while processes die at every point", async () => {
  const workspace = await Deno.makeTempDir({ prefix: "edgepass-chaos-" });
  const report = await runChaos({
    workspace,
    changes: 300,
    people: 20,
    kills: points.length + 3,
    seed: 20,
    isLong: false,
    rounds: 1,
    maxDrainMs: 120_000,
  });
  const context = `${toText(report)}\n(${workspace})`;
  for (const line of lines) assert.deepEqual(report.findings.of(line), [], context);
  const deaths = countDeaths(report.deaths);
  for (const point of points) assert.ok((deaths.get(point) ?? 0) > 0, `${point}\n${context}`);
  assert.ok(isClean(report), context);
  await Deno.remove(workspace, { recursive: true });
});
