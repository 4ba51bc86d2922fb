import assert from "node:assert/strict";
import { dependencies, dependencyPolicies } from "@edgepass/contracts/dependencies";
import { readProjectFile } from "./support/markdown.ts";

/** Who may call whom, as the Workers are bound to each other; what lies outside has no binding. */
async function readCallees(service: string): Promise<string[]> {
  const wrangler = await readProjectFile(`services/${service}/wrangler.toml`);
  const bound = [...wrangler.matchAll(/^service = "edgepass-(\w+)"$/gm)].map(([, name = ""]) =>
    name
  );
  return service === "recommendation" ? [...bound, "recommender"] : bound;
}

const services = Object.keys(dependencies).filter((name) => !/^re(dis|commender)$/.test(name));

Deno.test("[F30] who waits for a dependency has given up before its own caller finds it slow", async () => {
  const pairs: string[] = [];
  for (const service of services) {
    const { breaker } = dependencyPolicies(service);
    for (const callee of await readCallees(service)) {
      const { timeoutMs } = dependencyPolicies(callee);
      assert.ok(timeoutMs < breaker.slowCallMs, `${service} waits too long for ${callee}`);
      pairs.push(`${service} ${callee}`);
    }
  }
  assert.ok(pairs.includes("enrollment course"), pairs.join());
  assert.ok(pairs.includes("recommendation recommender"), pairs.join());
});
