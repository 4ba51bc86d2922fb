import assert from "node:assert/strict";
import { dependencies, dependencyPolicies } from "@edgepass/contracts/dependencies";
import { deliveryRoutes, eventAdminRoutes, routes, type Row } from "../app/routes.ts";
import { configurationSchema } from "@edgepass/contracts/configuration";
import { defaultTimeoutMs, readDocument } from "@edgepass/shared/configuration";
import { readProjectFile } from "./support/markdown.ts";

/**
 * The services that a service may call, by the Workers' bindings; URLs outside the product have no
 * binding.
 */
async function readCallees(service: string): Promise<string[]> {
  const wrangler = await readProjectFile(`services/${service}/wrangler.toml`);
  const bound = [...wrangler.matchAll(/^service = "edgepass-(\w+)"$/gm)].map(([, name = ""]) =>
    name
  );
  return service === "recommendation" ? [...bound, "recommender"] : bound;
}

/** The longest time limit of the product's routes to a service. */
function longestTimeoutMs(service: string): number {
  const rows: readonly (Row & { readonly timeoutMs?: number })[] = Object.values({
    ...routes,
    ...deliveryRoutes,
    ...eventAdminRoutes,
  });
  const own = rows.filter((row) => row.service.toLowerCase() === service);
  assert.ok(own.length > 0, service);
  return Math.max(...own.map(({ timeoutMs }) => timeoutMs ?? defaultTimeoutMs));
}

const services = Object.keys(dependencies).filter((name) => !/^re(dis|commender)$/.test(name));

Deno.test("[F30] a call to a dependency times out before the caller's own breaker counts it as slow", async () => {
  const pairs: string[] = [];
  for (const service of services) {
    const slowCallMs = longestTimeoutMs(service);
    for (const callee of await readCallees(service)) {
      const { timeoutMs } = dependencyPolicies(callee);
      assert.ok(timeoutMs < slowCallMs, `${service} waits too long for ${callee}`);
      pairs.push(`${service} ${callee}`);
    }
  }
  assert.ok(pairs.includes("enrollment course"), pairs.join());
  assert.ok(pairs.includes("recommendation recommender"), pairs.join());
});

Deno.test("a slowCallMs below the time limit of the service's routes is refused", () => {
  for (const service of services) {
    const allowed = longestTimeoutMs(service);
    const read = (slowCallMs: number) =>
      readDocument(configurationSchema, {
        gateway: { dependencies: { [service]: { breaker: { slowCallMs } } } },
      });
    assert.ok("document" in read(allowed), service);
    assert.deepEqual(read(allowed - 1), {
      faults: [{
        path: `gateway.dependencies.${service}.breaker.slowCallMs`,
        message: `must be at least the longest timeoutMs of its routes, ${allowed}`,
      }],
    });
  }
});
