import { createGateway, readGatewayConfig, type Route } from "@edgepass/gateway";
import { createService, createServiceRuntime } from "@edgepass/shared/http";
import { serve } from "@edgepass/shared/runtime/deno";
import { localUpstream, urlUpstream } from "@edgepass/shared/configuration";

/** The gateway in front of one service: at `UPSTREAM`, or in this isolate where none is named. */
await serve(async (bindings) => {
  const config = await readGatewayConfig(bindings, { pipelineAutomatically: true });
  const url = Deno.env.get("UPSTREAM");
  const upstream = url ? urlUpstream(url) : localUpstream("whoami", whoami());
  const others = Number(Deno.env.get("OTHER_ROUTES") ?? 0);
  const routes: Route[] = Array.from({ length: others }, (_, n) => ({
    path: `/other-${n}/{id}`,
    upstream,
    access: "authenticated",
  }));
  const gateway = createGateway({
    ...config,
    issuers: [{
      iss: config.issuer,
      audience: config.audience,
      algorithms: ["EdDSA"],
      jwks: JSON.parse(Deno.env.get("JWKS") ?? ""),
    }, ...config.issuers],
    routes: [
      { path: "/me", upstream, access: "authenticated" },
      { path: "/open", upstream, access: "public" },
      ...routes,
    ],
    revocation: config,
  });
  console.error("ready");
  return { fetch: (request) => gateway.fetch(request) };
});

function whoami() {
  const app = createService({ name: "whoami", runtime: createServiceRuntime(Deno.env.toObject()) });
  app.get("/me", (c) => c.json({ id: c.var.passport.userId, name: "Someone" }));
  app.get("/open", (c) => c.json({ id: null, name: "Someone" }));
  return app;
}
