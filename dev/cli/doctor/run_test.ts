import assert from "node:assert/strict";
import { createDoctorContext, createEffects } from "../../../tests/support/doctor.ts";
import { createAnsi } from "../../terminal/text.ts";
import { hasFailure, runChecks, toJson, toText } from "./run.ts";
import { fail, ok, warn } from "./context.ts";

const plain = createAnsi(false);
const reported = [
  { check: "deno", ...ok("Deno 2.9.5") },
  { check: "home", ...warn("a path\nof two lines", "deno task dev") },
  { check: "ports", ...fail("PORT is taken", "set PORT") },
];

Deno.test("a report is one line per finding and a count", () => {
  assert.deepEqual(toText(reported, plain).split("\n"), [
    "ok    deno           Deno 2.9.5",
    "warn  home           a path of two lines → deno task dev",
    "fail  ports          PORT is taken → set PORT",
    "",
    "1 ok, 1 warn, 1 fail",
  ]);
});

Deno.test("a JSON report has every finding, and whether all checks passed", () => {
  const { ok, findings } = JSON.parse(toJson(reported));
  assert.equal(ok, false);
  assert.deepEqual(findings[0], { check: "deno", state: "ok", what: "Deno 2.9.5" });
  assert.deepEqual([findings.length, findings[1].mend, findings[2].mend], [
    3,
    "deno task dev",
    "set PORT",
  ]);
  assert.equal(JSON.parse(toJson(reported.slice(0, 2))).ok, true);
});

Deno.test("a warning is no failure, a failed check is one", () => {
  assert.equal(hasFailure(reported.slice(0, 2)), false);
  assert.equal(hasFailure(reported), true);
});

Deno.test("a check that throws is a finding, and the others still run", async () => {
  const table = {
    first: () => {
      throw new RangeError("hidden");
    },
    second: () => [ok("well")],
  };
  assert.deepEqual(await runChecks(createDoctorContext(), createEffects(), table), [
    {
      check: "first",
      state: "fail",
      what: "could not be checked (RangeError)",
      fix: "fix what fails above and run deno task doctor again",
    },
    { check: "second", state: "ok", what: "well" },
  ]);
});
