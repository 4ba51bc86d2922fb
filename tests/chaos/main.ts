/**
 * Checks under faults that events are neither lost nor applied twice:
 * `deno task chaos:events --changes N [--people P] [--kills K] [--seed S] [--home <folder>]`.
 */
import { readArguments } from "@edgepass/shared/runtime/deno";
import { parseArgs } from "node:util";
import { isClean, toText } from "./report.ts";
import { runChaos } from "./run.ts";

readArguments({
  usage:
    "Usage: deno task chaos:events --changes <n> [--people <n>] [--kills <n>] [--seed <n>] [--home <folder>]",
});

const { values } = parseArgs({
  options: {
    changes: { type: "string", default: "2000" },
    people: { type: "string", default: "200" },
    kills: { type: "string" },
    seed: { type: "string", default: "1" },
    home: { type: "string" },
  },
});
const changes = readCount("changes", values.changes);
const workspace = values.home ?? await Deno.makeTempDir({ prefix: "edgepass-chaos-" });
await Deno.mkdir(workspace, { recursive: true });
console.log(`databases, ledger and logs: ${workspace}`);
const report = await runChaos({
  workspace,
  changes,
  people: readCount("people", values.people),
  kills: readCount("kills", values.kills ?? String(Math.min(240, Math.ceil(changes / 40)))),
  seed: readCount("seed", values.seed),
  isLong: changes >= 10_000,
  rounds: Math.max(1, Math.round(changes / 10_000)),
  maxDrainMs: 600_000,
  onProgress: (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`),
});
console.log(toText(report));
Deno.exit(isClean(report) ? 0 : 1);

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new TypeError(`Cannot start: --${name} must be a whole number`);
}
