import { browserCases } from "./gateway_browser_cases.ts";
import { passportCases } from "./gateway_passport_cases.ts";
import { proxyCases } from "./gateway_proxy_cases.ts";
import { targetCases } from "./gateway_target_cases.ts";
import { redisCases } from "./gateway_redis_cases.ts";
import { upstreamCases } from "./gateway_upstream_cases.ts";
import { platforms, type Runtime } from "./gateway_platforms.ts";
import { tokenCases } from "./gateway_token_cases.ts";
import { createWorld, type GatewayCase } from "./gateway_world.ts";

const cases: Readonly<Record<string, GatewayCase>> = {
  ...tokenCases,
  ...passportCases,
  ...browserCases,
  ...proxyCases,
  ...targetCases,
  ...redisCases,
  ...upstreamCases,
};

/** What a runtime cannot show, and why. Every other case holds on every runtime. */
const differences: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  deno: {},
  workerd: {
    "[H01] CF-Connecting-IP is believed only where Cloudflare is in front":
      "Cloudflare sets it for every Worker, and the harness does not play that",
    "[H14] a header that Connection names stops here":
      "the harness's front server takes Connection off before the Worker sees it",
  },
};

for (const [name, run] of Object.entries(cases)) {
  if (differences.deno[name] !== undefined) continue;
  Deno.test(`deno: ${name}`, async () => {
    await using world = await createWorld("deno", platforms.deno);
    await run(world);
  });
}

// A Worker takes a second to start, so its cases share one, and wrangler keeps helper processes'
// handles beyond a test.
Deno.test({ name: "workerd", sanitizeOps: false, sanitizeResources: false }, async (t) => {
  await using world = await createWorld("workerd", platforms.workerd);
  for (const [name, run] of Object.entries(cases)) {
    await t.step({
      name: `workerd: ${name}`,
      ignore: differences.workerd[name] !== undefined,
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        world.reset();
        await run(world);
      },
    });
  }
});
