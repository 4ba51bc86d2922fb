import assert from "node:assert/strict";
import { Hono } from "hono";
import { markFallback } from "./openapi.ts";

type Source = Parameters<typeof markFallback>[1];

async function mark(source: Source, method = "GET"): Promise<Response> {
  const app = new Hono();
  app.onError((error) => new Response(error.name, { status: 500 }));
  app.all("/", (c) => {
    markFallback(c, source);
    return c.text("ok");
  });
  return await app.request("/", { method });
}

const marks: readonly (readonly [Source, string | null])[] = [
  [{ source: "live" }, null],
  [{ source: "cache", ageSeconds: 0 }, "cache; age=0"],
  [{ source: "cache", ageSeconds: 12 }, "cache; age=12"],
  [{ source: "default" }, "default"],
];
for (const [source, header] of marks) {
  Deno.test(`a response from ${JSON.stringify(source)} has X-Fallback ${header ?? "not set"}`, async () => {
    assert.equal((await mark(source)).headers.get("x-fallback"), header);
  });
}

for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
  Deno.test(`[D05] a ${method} has no fallback`, async () => {
    const response = await mark({ source: "cache", ageSeconds: 1 }, method);
    assert.deepEqual([response.status, await response.text()], [500, "TypeError"]);
  });
}
