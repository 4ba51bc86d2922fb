import { importSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { noopTelemetry } from "@edgepass/shared/telemetry";
import { localUpstream } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { createGateway, staticPassportSigningKeys } from "./mod.ts";

const secret = crypto.getRandomValues(new Uint8Array(32));

/** A gateway in front of one public service, and its log lines. */
async function setup(status: number, slowMs: number) {
  const lines: string[] = [];
  const gateway = createGateway({
    publicOrigin: "http://127.0.0.1:8787",
    issuers: [],
    routes: [{
      path: "/open",
      access: "public",
      upstream: localUpstream("open", { fetch: () => Response.json({}, { status }) }),
    }],
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
    log: createLogger({ service: "gateway", sink: (line) => void lines.push(line) }),
    telemetry: { ...noopTelemetry(), slowMs },
  });
  const get = async (path: string) => {
    lines.length = 0;
    const response = await gateway.request(`http://127.0.0.1:8787${path}`);
    await response.body?.cancel();
    return lines.map((line) => JSON.parse(line)).find((line) =>
      line.message === "Request completed"
    );
  };
  return { get };
}

Deno.test("a request has one log line with the fields for filters", async () => {
  const { get } = await setup(200, 60_000);
  const line = await get("/open?token=secret");
  assert.deepEqual(
    [line.method, line.path, line.route, line.status, line.code, line.steps],
    ["GET", "/open", "/open", 200, undefined, undefined],
  );
  assert.ok(line.durationMs >= 0);
});

Deno.test("the log lines of failed and slow requests have the durations of the steps", async () => {
  const failed = await (await setup(503, 60_000)).get("/open");
  assert.deepEqual(Object.keys(failed.steps), ["sign", "forward", "envelope"]);
  const slow = await (await setup(200, 0)).get("/open");
  assert.deepEqual(Object.keys(slow.steps), ["sign", "forward", "envelope"]);
  assert.ok(Object.values(slow.steps).every((tookMs) => typeof tookMs === "number"));
});

Deno.test("a probe is not logged at level info", async () => {
  const { get } = await setup(200, 60_000);
  assert.equal(await get("/livez"), undefined);
});
