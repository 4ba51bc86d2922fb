import assert from "node:assert/strict";
import { currentContext } from "./context/request_context.ts";
import { currentInvocation } from "./isolate.ts";
import { toProblem } from "./http/api.ts";
import { Problem } from "./problem.ts";
import { newTrace } from "./telemetry/trace_context.ts";

/** Another instance of a module of this package, as a bundler creates one that packs it twice. */
async function secondCopy<Module>(file: string): Promise<Module> {
  return await import(new URL(`${file}?second`, import.meta.url).href);
}

Deno.test("a Problem of another copy keeps its code, its details and its headers", async () => {
  const copy = await secondCopy<typeof import("./problem.ts")>("./problem.ts");
  assert.notEqual(copy.Problem, Problem);
  const thrown = new copy.Problem("rate_limited", { headers: { "retry-after": "7" } });
  assert.ok(thrown instanceof Problem);
  assert.equal(toProblem(thrown), thrown);
});

const noProblems = {
  "an error": new Error("rate_limited"),
  "an object of that shape": { ...new Problem("forbidden") },
  "an error of that name without the shape": Object.assign(new Error(), { name: "Problem" }),
};
for (const [what, value] of Object.entries(noProblems)) {
  Deno.test(`${what} is no Problem`, () => {
    assert.equal(value instanceof Problem, false);
    assert.equal(toProblem(value).code, "internal");
  });
}

Deno.test("an unavailable store is store_unavailable, whichever copy throws it", async () => {
  const copy = await secondCopy<typeof import("./sql/statement.ts")>("./sql/statement.ts");
  assert.equal(toProblem(new copy.StoreUnavailable()).code, "store_unavailable");
});

Deno.test("a context that one copy opens is visible to the other", async () => {
  const copy = await secondCopy<typeof import("./context/request_context.ts")>(
    "./context/request_context.ts",
  );
  const { signal } = new AbortController();
  const context = { service: "reports", trace: newTrace(), callChain: ["reports"], signal };
  assert.equal(copy.runInContext(context, currentContext), context);
  assert.equal(currentContext(), undefined);
});

Deno.test("an invocation that one copy opens is visible to the other", async () => {
  const copy = await secondCopy<typeof import("./isolate.ts")>(
    "./isolate.ts",
  );
  const invocation = { waitUntil: () => {} };
  assert.equal(copy.runInvocation(invocation, currentInvocation), invocation);
});
