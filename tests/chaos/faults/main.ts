/**
 * Performs the fault matrix: `deno task chaos:faults [--only F20,F31] [--short]`.
 *
 * Four gateways stand between a load of 50 requests a second and Redis, an issuer and a service, each
 * behind a TCP proxy that breaks as told. The last line is `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { performCases } from "./perform.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, short: { type: "boolean", default: false } },
});
const only = values.only?.split(",");
const { passed, failed } = await performCases({
  ...(only ? { only } : {}),
  faultMs: values.short ? 1_500 : 6_000,
  judgesTimes: true,
  revocationTimeoutMs: 150,
  say: console.log,
});
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
