import assert from "node:assert/strict";
import { comparableResponses } from "./suite/product_alike.ts";
import { productDirect } from "./suite/product_direct.ts";
import { productRevocation } from "./suite/product_revocation.ts";
import { createEnvironment } from "./suite/product_environment.ts";
import { targets } from "./targets.ts";

Deno.test("the product behaves equally in every placement", async (t) => {
  const responses = new Map<string, readonly string[]>();
  for (const [placement, start] of Object.entries(targets)) {
    await t.step(placement, async (t) => {
      await using target = await start();
      const environment = await createEnvironment(target);
      await t.step("responses", async () => {
        responses.set(placement, await comparableResponses(environment));
      });
      for (const [what, run] of Object.entries({ ...productDirect, ...productRevocation })) {
        await t.step(what, () => run(environment));
      }
    });
  }
  const [[reference, expected] = ["", []], ...others] = responses;
  assert.equal(others.length, Object.keys(targets).length - 1);
  for (const [placement, given] of others) {
    await t.step(`${placement} has the responses of ${reference}`, () => {
      for (const [at, response] of expected.entries()) assert.equal(given[at], response);
    });
  }
});
