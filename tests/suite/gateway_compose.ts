import { createGateway, readGatewayConfig } from "@edgepass/gateway";
import { type Bindings, json, readConfig, urlUpstream } from "@edgepass/shared/configuration";
import { createLogger } from "@edgepass/shared/context";
import type { LogSink } from "@edgepass/shared/telemetry";
import { policySchema, toPolicy } from "@edgepass/shared/resilience";
import * as z from "zod/mini";

const text = z.string().check(z.minLength(1));

/** Where the tested gateway's own issuer and identity provider are. */
const Places = z.object({
  JWKS_URL: text,
  ECHO_URL: text,
  /** Where the rebuild of an incomplete list is requested; unset, completeness is not checked. */
  REFILL_URL: z.optional(text),
  /** The policy of every dependency; unset, no breaker ever opens. */
  POLICY: z._default(json(policySchema), { breaker: { minimumCalls: 1_000_000 } }),
});

export interface ComposeEffects {
  readonly pipelineAutomatically?: boolean;
  readonly measuresLateness?: boolean;
  readonly sink?: LogSink;
  readonly now?: () => number;
}

/** The gateway under test, composed from bindings only, the same on every runtime. */
export async function composeGateway(
  bindings: Bindings,
  { pipelineAutomatically = false, measuresLateness = false, sink = () => {}, now = Date.now }:
    ComposeEffects = {},
) {
  const { JWKS_URL, ECHO_URL, REFILL_URL, POLICY } = readConfig(Places, bindings);
  const policy = toPolicy(POLICY);
  const config = await readGatewayConfig(bindings, {
    pipelineAutomatically,
    measuresLateness,
    policies: () => policy,
  });
  const echo = urlUpstream(ECHO_URL);
  return createGateway({
    ...config,
    issuers: [{
      iss: config.issuer,
      audience: config.audience,
      algorithms: ["EdDSA"],
      required: true,
      jwks: (signal) => fetch(JWKS_URL, { signal, redirect: "manual" }),
    }, ...config.issuers],
    routes: [
      { path: "/login", upstream: echo, access: { POST: "public" }, identityProvider: true },
      { path: "/logout", upstream: echo, access: { POST: "optional" }, identityProvider: true },
      {
        path: "/leave",
        upstream: echo,
        access: { POST: "optional" },
        identityProvider: true,
        clearsCookies: true,
      },
      {
        path: "/deliveries",
        upstream: echo,
        access: { POST: "public" },
        envelope: false,
        encodedBody: false,
      },
      { path: "/items/{id}", upstream: echo, access: { GET: "public", POST: "authenticated" } },
      { path: "/items/new", upstream: echo, access: { GET: "authenticated" } },
      ...config.routes,
    ],
    revocation: {
      redis: config.redis,
      ...(REFILL_URL === undefined
        ? {}
        : { rebuild: { upstream: urlUpstream(REFILL_URL), path: "/refill" } }),
    },
    // With the documentation page the router is another one (Hono's TrieRouter), as in the product.
    documents: { docs: () => Promise.resolve(undefined) },
    log: createLogger({ service: "gateway", sink, now }),
    now,
  });
}
