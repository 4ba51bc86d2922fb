/**
 * Runs the fault matrix: `deno task chaos:faults [--only F20,F31] [--short]`, or all
 * faults at random for this long: `deno task chaos:faults --random 30 [--seed 1]`.
 *
 * Four gateways stand between a load of 50 requests a second and Redis, an issuer and a service, each
 * behind a TCP proxy with settable faults. The last line is `N passed, N failed`.
 */
import { readArguments } from "@edgepass/shared/runtime/deno";
import { parseArgs } from "node:util";
import { performCases } from "./perform.ts";

readArguments({
  usage:
    "Usage: deno task chaos:faults [--only F20,F31] [--short] [--random <minutes>] [--seed <n>]",
});

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    short: { type: "boolean", default: false },
    random: { type: "string" },
    seed: { type: "string" },
  },
});
const { short, random } = values;
const only = random === undefined ? values.only?.split(",") : ["F77"];
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const { passed, failed, skipped } = await performCases({
  ...(only ? { only } : {}),
  isShort: short,
  faultMs: short ? 1_500 : 6_000,
  stayMs: short ? 10_000 : 300_000,
  randomMs: Number(random ?? 1) * 60_000,
  seed,
  judgesTimes: true,
  revocationTimeoutMs: 150,
  report: console.log,
});
if (skipped > 0) console.log(`${skipped} cannot be performed on this machine`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
