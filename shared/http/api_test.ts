import assert from "node:assert/strict";
import { createLogger, internalHeaders } from "../context/request_context.ts";
import { Problem, problemCodes } from "../problem.ts";
import { StoreUnavailable } from "../sql/statement.ts";
import { respondToError } from "./api.ts";

const log = createLogger({ service: "course", now: () => 0, sink: () => {} });
const blames = (error: unknown) =>
  respondToError(error, log).headers.has(internalHeaders.faultElsewhere) ? "others" : "itself";

const failures: Record<string, [unknown, "others" | "itself"]> = {
  "an unreachable service": [new Problem("upstream_unavailable"), "others"],
  "a service that times out": [new Problem("upstream_timeout"), "others"],
  "a service with an invalid response": [new Problem("upstream_bad_response"), "others"],
  "a Redis that is unavailable": [new Problem("revocation_unavailable"), "others"],
  "too many concurrent deliveries": [new Problem("event_postponed"), "others"],
  "its unavailable database": [new StoreUnavailable(), "itself"],
  "an unexpected error": [new TypeError("x is undefined"), "itself"],
};
for (const [what, [error, blamed]] of Object.entries(failures)) {
  Deno.test(`[D05] a service that fails because of ${what} blames ${blamed}`, () => {
    assert.equal(blames(error), blamed);
  });
}

Deno.test("a problem below 500 is not marked as a fault elsewhere", () => {
  for (const [code, [status]] of Object.entries(problemCodes)) {
    if (status >= 500) continue;
    assert.equal(blames(new Problem(code as keyof typeof problemCodes)), "itself");
  }
});
