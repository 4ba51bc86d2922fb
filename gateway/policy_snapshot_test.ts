import { importSecret } from "@edgepass/shared/crypto";
import { createPolicies } from "@edgepass/shared/resilience";
import { localUpstream } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { createGateway, staticPassportSigningKeys } from "./mod.ts";

const secret = crypto.getRandomValues(new Uint8Array(32));
const report = localUpstream("report", { fetch: () => new Response() });

/** A gateway whose routes to one upstream have time limits of 100 ms and 20 s. */
async function start(slowCallMs: number | undefined) {
  return createGateway({
    publicOrigin: "http://127.0.0.1:8787",
    issuers: [],
    routes: [
      { path: "/soon", access: "public", upstream: report, timeoutMs: 100 },
      { path: "/late", access: "public", upstream: report, timeoutMs: 20_000 },
    ],
    revocation: { redis: { pipeline: () => Promise.reject(new Error("Unexpected call")) } },
    passport: {
      issuer: "test",
      audience: "test",
      keys: staticPassportSigningKeys([{
        profile: "S",
        state: "signing",
        signing: await importSecret({ kid: "p1", secret }),
      }]),
    },
    policies: createPolicies({ report: { breaker: { slowCallMs } } }),
  });
}

Deno.test("[D05] a gateway with a slowCallMs below the longest timeoutMs of its routes does not start", async () => {
  await assert.rejects(start(19_999), {
    name: "RangeError",
    message: "Cannot start: slowCallMs of report is 19999: it must be at least the longest " +
      "timeoutMs of its routes, 20000",
  });
  for (const slowCallMs of [undefined, 20_000, 60_000]) await start(slowCallMs);
});
