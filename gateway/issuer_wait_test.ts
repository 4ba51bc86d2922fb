import { createLogger } from "@edgepass/shared/context";
import { importKeyPair, importSecret, signJws } from "@edgepass/shared/crypto";
import type { RedisPipeline } from "@edgepass/shared/redis";
import { noopTelemetry } from "@edgepass/shared/telemetry";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import { createGateway, staticPassportSigningKeys } from "./mod.ts";

/** The commands that these requests need. */
function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

const origin = "http://127.0.0.1:8787";

/** A gateway that limits how much it decides at a time, with one issuer whose server hangs. */
async function setup() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert.ok("privateKey" in pair);
  const { x = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const key = await importKeyPair("k1", { kty: "OKP", crv: "Ed25519", x, d });
  assert.ok(key);
  const signer = key;
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const signing = await importSecret({ kid: "p1", secret });
  const row = { audience: "api", algorithms: ["EdDSA"] } as const;
  const keys = [{ kid: "k1", kty: "OKP", crv: "Ed25519", x }];
  const held = Promise.withResolvers<Response>();
  const gateway = createGateway({
    publicOrigin: origin,
    issuers: [
      { ...row, alias: "well", iss: "https://well.test", jwks: { keys } },
      { ...row, alias: "hung", iss: "https://hung.test", jwks: () => held.promise },
    ],
    routes: [{
      path: "/member",
      access: "authenticated",
      upstream: { name: "echo", fetch: () => Promise.resolve(Response.json({})) },
    }],
    revocation: {
      redis: {
        pipeline(build) {
          const replies: unknown[] = [];
          build(toPipeline({
            mget: (...names: string[]) =>
              replies.push(names.map((name) => name === "rv:ready" ? "1" : null)),
          }));
          return Promise.resolve(replies);
        },
      },
    },
    passport: {
      issuer: "test",
      audience: "test",
      keys: staticPassportSigningKeys([{ profile: "S", state: "signing", signing }]),
    },
    admission: { budgetMs: 150, processorMs: () => 0 },
    log: createLogger({ service: "gateway", sink: () => {} }),
    telemetry: noopTelemetry(),
  });
  async function send(iss: string): Promise<number> {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss, aud: "api", sub: "u", iat: now, exp: now + 600 };
    const token = await signJws(claims, { typ: "JWT", key: signer });
    const headers = { authorization: `Bearer ${token}` };
    const response = await gateway.request(`${origin}/member`, { headers });
    await response.body?.cancel();
    return response.status;
  }
  return { send, held, keys };
}

Deno.test("requests that wait for one issuer's keys take no slot from those of other issuers", async () => {
  const { send, held, keys } = await setup();
  let ended = 0;
  // More than the slots of a gateway that has just begun.
  const waiting = Array.from(
    { length: 100 },
    () => send("https://hung.test").finally(() => ended++),
  );
  assert.equal(await within("it is served", send("https://well.test")), 200);
  assert.equal(ended, 0, "the others wait still");
  held.resolve(Response.json({ keys }));
  assert.ok((await Promise.all(waiting)).includes(200));
});

Deno.test("[D03] no more than 256 requests wait for the first keys of an issuer", async () => {
  const { send, held, keys } = await setup();
  const replies = new Array<{ at: number; status: number }>();
  const all = Array.from({ length: 300 }, async (_, at) => {
    replies.push({ at, status: await send("https://hung.test") });
    if (replies.length === 1) held.resolve(Response.json({ keys }));
  });
  await Promise.all(all);
  assert.notEqual(replies[0]?.at, 0, "the first one waits");
  const served = replies.filter(({ status }) => status === 200).length;
  assert.ok(served > 0 && served <= 256, `${served} are served`);
  assert.equal(replies.filter(({ status }) => status === 503).length, 300 - served);
});
