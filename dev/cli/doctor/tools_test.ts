import assert from "node:assert/strict";
import { allWell, createDoctorContext } from "../../../tests/support/doctor.ts";
import { temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { checkTools } from "./tools.ts";

Deno.test("a missing test tool is reported and never a failure", async () => {
  await using folder = await temporaryWorkspace();
  const look = () => allWell(checkTools(createDoctorContext({ variables: { PATH: folder.path } })));
  assert.deepEqual(look(), [
    "no redis-server: the suites against a real Redis are left out",
    "no chromium: the tests of the page are left out",
  ]);
  for (const name of ["redis-server", "google-chrome"]) {
    await Deno.writeTextFile(`${folder.path}/${name}`, "");
  }
  assert.deepEqual(look(), [
    "redis-server is there for tests",
    "google-chrome is there for tests",
  ]);
});
