import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { checkDeno } from "./deno.ts";

Deno.test("an old Deno is reported with the oldest supported version", () => {
  const found = checkDeno(createDoctorContext(), createEffects({ denoVersion: "2.8.3" }));
  assert.equal(
    troubleOf(found),
    "fail: Deno 2.8.3 is too old; 2.9 or newer is needed → deno upgrade",
  );
});

Deno.test("each Deno version that CI tests passes", () => {
  for (const denoVersion of ["2.9.5", "2.9.6"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.deepEqual(allWell(found), [`Deno ${denoVersion}`]);
  }
});

Deno.test("an untested Deno version is reported with the tested ones", () => {
  for (const denoVersion of ["2.9.4", "2.9.7", "3.0.0"]) {
    const found = checkDeno(createDoctorContext(), createEffects({ denoVersion }));
    assert.equal(
      troubleOf(found),
      `warn: Deno ${denoVersion} is none of those that the tests run on: 2.9.5, 2.9.6 → deno upgrade 2.9.6`,
    );
  }
});
