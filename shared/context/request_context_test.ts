import assert from "node:assert/strict";
import { currentContext, type RequestContext, runInContext } from "./request_context.ts";
import { newTrace } from "../telemetry/trace_context.ts";

const make = (service: string): RequestContext => ({
  service,
  trace: newTrace(),
  callChain: [],
  signal: new AbortController().signal,
});

Deno.test("each request sees its own context in every interleaving [P11]", async () => {
  const contexts = Array.from({ length: 50 }, (_, at) => make(`s${at}`));
  const seen = await Promise.all(contexts.map((context, at) =>
    runInContext(context, async () => {
      for (let round = 0; round < at % 7; round++) await Promise.resolve();
      return currentContext();
    })
  ));
  assert.deepEqual(seen, contexts);
  assert.equal(currentContext(), undefined);
});

Deno.test("a nested context ends with its function, also by a throw", () => {
  const [outer, inner] = [make("outer"), make("inner")];
  runInContext(outer, () => {
    assert.throws(() =>
      runInContext(inner, () => {
        assert.equal(currentContext(), inner);
        throw new Error("x");
      })
    );
    assert.equal(currentContext(), outer);
  });
});
