import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../tests/support/doctor.ts";
import { checkDeno } from "./deno.ts";

Deno.test("an old Deno is named with the oldest that will do", () => {
  const found = checkDeno(createDoctorContext(), createEffects({ denoVersion: "2.8.3" }));
  assert.equal(
    troubleOf(found),
    "fail: Deno 2.8.3 is too old; 2.9 or newer is needed → deno upgrade",
  );
});

Deno.test("each Deno that the tests run on is well", () => {
  for (const denoVersion of ["2.9.5", "2.9.6"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.deepEqual(allWell(found), [`Deno ${denoVersion}`]);
  }
});

Deno.test("a Deno that no test runs on is named with those that have their tests", () => {
  for (const denoVersion of ["2.9.4", "2.9.7", "3.0.0"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.equal(
      troubleOf(found),
      `warn: Deno ${denoVersion} is none of those that the tests run on: 2.9.5, 2.9.6 → deno upgrade 2.9.6`,
    );
  }
});
