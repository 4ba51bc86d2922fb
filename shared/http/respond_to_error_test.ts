import assert from "node:assert/strict";
import { internalHeaders } from "../internal_headers.ts";
import { createLogger } from "../log.ts";
import { Problem, problemCodes } from "../problem.ts";
import { StoreUnavailable } from "../sql/errors.ts";
import { respondToError } from "./respond_to_error.ts";

const log = createLogger({ service: "course", now: () => 0, sink: () => {} });
const blames = (error: unknown) =>
  respondToError(error, log).headers.has(internalHeaders.faultElsewhere) ? "others" : "itself";

const failures: Record<string, [unknown, "others" | "itself"]> = {
  "a service it cannot reach": [new Problem("upstream_unavailable"), "others"],
  "a service that takes too long": [new Problem("upstream_timeout"), "others"],
  "a service whose answer is of no use": [new Problem("upstream_bad_response"), "others"],
  "Redis, which takes no revocation": [new Problem("revocation_unavailable"), "others"],
  "too much to do at once": [new Problem("event_postponed"), "others"],
  "a database that is away": [new StoreUnavailable(), "itself"],
  "what nobody foresaw": [new TypeError("x is undefined"), "itself"],
};
for (const [what, [error, blamed]] of Object.entries(failures)) {
  Deno.test(`[D05] for ${what} a service blames ${blamed}`, () => {
    assert.equal(blames(error), blamed);
  });
}

Deno.test("what is below 500 is nobody's fault, and says nothing", () => {
  for (const [code, [status]] of Object.entries(problemCodes)) {
    if (status >= 500) continue;
    assert.equal(blames(new Problem(code as keyof typeof problemCodes)), "itself");
  }
});
