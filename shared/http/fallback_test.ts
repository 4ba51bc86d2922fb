import assert from "node:assert/strict";
import { Hono } from "hono";
import { markFallback } from "./fallback.ts";

type Answer = Parameters<typeof markFallback>[1];

async function mark(answer: Answer, method = "GET"): Promise<Response> {
  const app = new Hono();
  app.onError((error) => new Response(error.name, { status: 500 }));
  app.all("/", (c) => {
    markFallback(c, answer);
    return c.text("ok");
  });
  return await app.request("/", { method });
}

const marks: readonly (readonly [Answer, string | null])[] = [
  [{ source: "live" }, null],
  [{ source: "cache", ageSeconds: 0 }, "cache; age=0"],
  [{ source: "cache", ageSeconds: 12 }, "cache; age=12"],
  [{ source: "default" }, "default"],
];
for (const [answer, header] of marks) {
  Deno.test(`an answer from ${JSON.stringify(answer)} says ${header ?? "nothing"}`, async () => {
    assert.equal((await mark(answer)).headers.get("x-fallback"), header);
  });
}

for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
  Deno.test(`[D05] nothing stands in for a ${method}`, async () => {
    const response = await mark({ source: "cache", ageSeconds: 1 }, method);
    assert.deepEqual([response.status, await response.text()], [500, "TypeError"]);
  });
}
