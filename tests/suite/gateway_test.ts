import { breakerCases } from "./gateway_breaker_cases.ts";
import { browserCases } from "./gateway_browser_cases.ts";
import { configurationCases } from "./gateway_configuration_cases.ts";
import { contentCases } from "./gateway_content_cases.ts";
import { deliveryCases } from "./gateway_delivery_cases.ts";
import { fidelityCases } from "./gateway_fidelity_cases.ts";
import { issuerCases } from "./gateway_issuer_cases.ts";
import { keySetCases } from "./gateway_key_set_cases.ts";
import { orderCases } from "./gateway_order_cases.ts";
import { propertyCases } from "./gateway_property_cases.ts";
import { outageCases } from "./gateway_outage_cases.ts";
import { ownCases } from "./gateway_own_cases.ts";
import { passportCases } from "./gateway_passport_cases.ts";
import { type Platform, platforms, type Runtime } from "./gateway_platforms.ts";
import { providerCases } from "./gateway_provider_cases.ts";
import { proxyCases } from "./gateway_proxy_cases.ts";
import { redisCases } from "./gateway_redis_cases.ts";
import { subjectCases } from "./gateway_subject_cases.ts";
import { targetCases } from "./gateway_target_cases.ts";
import { tokenCases } from "./gateway_token_cases.ts";
import { upstreamCases } from "./gateway_upstream_cases.ts";
import { createWorkerdPlatform } from "./gateway_workerd.ts";
import { createEnvironment, type GatewayCase } from "./gateway_environment.ts";

/** Cases about the gateway's decisions. */
const decisions: Readonly<Record<string, GatewayCase>> = {
  ...tokenCases,
  ...passportCases,
  ...subjectCases,
  ...browserCases,
  ...deliveryCases,
};

/**
 * Cases about bytes on the wire and about failing upstreams. wrangler's harness has its own servers
 * on both sides, which normalise, follow redirects and replace truncated upstream responses.
 */
const wires: Readonly<Record<string, GatewayCase>> = {
  ...ownCases,
  ...redisCases,
  ...breakerCases,
  ...configurationCases,
  ...orderCases,
  ...issuerCases,
  ...providerCases,
  ...keySetCases,
  ...outageCases,
  ...proxyCases,
  ...targetCases,
  ...upstreamCases,
  ...contentCases,
  ...fidelityCases,
  ...propertyCases,
};

const cases: Readonly<Record<Runtime, Readonly<Record<string, GatewayCase>>>> = {
  deno: { ...decisions, ...wires },
  workerd: { ...decisions, ...wires },
  harness: decisions,
};

/** Cases that a runtime cannot run, with the reason. Every other case of its list must pass. */
const differences: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  deno: {},
  workerd: {
    "[H01] CF-Connecting-IP is believed only where Cloudflare is in front":
      "Cloudflare sets it in front of every Worker; here it is absent",
    "[H03] a target with a fragment is path_not_canonical":
      "the runtime itself cuts the fragment off",
    "[H04] an absolute-form target of another host is misdirected_request":
      "the runtime itself takes the path out of such a target and the host out of Host",
    "[F71] a client that leaves before the response cancels its upstream call":
      "local workerd signals a client's disconnect only once the response streams",
  },
  harness: {
    "[H14] a header that Connection names stops here":
      "the harness's front server takes Connection off before the Worker sees it",
  },
};

for (const [name, run] of Object.entries(cases.deno)) {
  if (differences.deno[name] !== undefined) continue;
  Deno.test(`deno: ${name}`, async () => {
    await using environment = await createEnvironment("deno", platforms.deno);
    await run(environment);
  });
}

// A Worker takes a second to start, so its cases share one.
Deno.test("workerd", async (t) => {
  await using workerd = await createWorkerdPlatform();
  await runShared(t, "workerd", workerd.serve);
});

// wrangler's helper processes hold handles beyond the end of a test.
Deno.test({
  name: "harness",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: (t) => runShared(t, "harness", platforms.harness),
});

async function runShared(
  t: Deno.TestContext,
  runtime: Runtime,
  platform: Platform,
): Promise<void> {
  await using environment = await createEnvironment(runtime, platform);
  for (const [name, run] of Object.entries(cases[runtime])) {
    await t.step({
      name: `${runtime}: ${name}`,
      ignore: differences[runtime][name] !== undefined,
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        environment.reset();
        await run(environment);
      },
    });
  }
}
