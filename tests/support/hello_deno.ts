import { createService, createServiceRuntime } from "@edgepass/shared/http";
import { serve } from "@edgepass/shared/runtime/deno";

/** A service as its own program, with a public `/hello`. */
await serve((bindings) => {
  const app = createService({
    name: "hello",
    runtime: createServiceRuntime(bindings),
    open: ["/hello"],
  });
  app.get("/hello", (c) => c.json({ hello: "there" }));
  return app;
});
