import assert from "node:assert/strict";
import { guardedInput } from "./suite/guarded_input.ts";
import { guardedRequest } from "./suite/guarded_request.ts";
import { guardedRoute } from "./suite/guarded_route.ts";
import { readOperations } from "./suite/product_operations.ts";
import { createEnvironment } from "./suite/product_environment.ts";
import { targets } from "./targets.ts";

const cases = { ...guardedRoute, ...guardedRequest, ...guardedInput };

for (const [placement, start] of Object.entries(targets)) {
  Deno.test(`every route makes the common refusals: ${placement}`, async (t) => {
    await using target = await start();
    const environment = await createEnvironment(target);
    const operations = await readOperations(target);
    const before = await environment.readState();
    for (const [what, run] of Object.entries(cases)) {
      await t.step(what, async () => {
        await run(environment, operations);
        assert.deepEqual(
          await environment.readState(),
          before,
          "a refused request changed something",
        );
      });
    }
  });
}
