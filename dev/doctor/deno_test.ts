import assert from "node:assert/strict";
import { allWell, createEffects, createSubject, troubleOf } from "../../tests/support/doctor.ts";
import { checkDeno } from "./deno.ts";

Deno.test("an old Deno is named with the oldest that will do", () => {
  const found = checkDeno(createSubject(), createEffects({ denoVersion: "2.8.3" }));
  assert.equal(
    troubleOf(found),
    "fail: Deno 2.8.3 is too old; 2.9 or newer is needed → deno upgrade",
  );
});

Deno.test("the Deno of the project and a newer one are well", () => {
  for (const denoVersion of ["2.9.5", "3.0.0"]) {
    const found = checkDeno(createSubject(), createEffects({ denoVersion }));
    assert.deepEqual(allWell(found), [`Deno ${denoVersion}`]);
  }
});
