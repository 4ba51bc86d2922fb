import { importSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import type { Upstream } from "@edgepass/shared/configuration";
import assert from "node:assert/strict";
import { createGateway, type GatewayPassportOptions, staticPassportSigningKeys } from "./mod.ts";

/** Internal details that an error message would leak. */
const inside = "SELECT password FROM users at postgres://root:hunter2@10.0.0.7";
const origin = "http://127.0.0.1:8787";

function fault(): never {
  throw new TypeError(inside);
}

interface Parts {
  readonly upstream: Upstream;
  readonly keys: GatewayPassportOptions["keys"];
}

/** A gateway of working parts, except for those that a test replaces. */
async function setup(broken: Partial<Parts>) {
  const lines: string[] = [];
  const signing = await importSecret({
    kid: "p1",
    secret: crypto.getRandomValues(new Uint8Array(32)),
  });
  const parts: Parts = {
    upstream: { name: "x", fetch: () => Promise.resolve(Response.json({})) },
    keys: staticPassportSigningKeys([{ profile: "S", state: "signing", signing }]),
    ...broken,
  };
  const gateway = createGateway({
    publicOrigin: origin,
    issuers: [],
    routes: [{
      path: "/open",
      access: "public",
      upstream: parts.upstream,
      fallback: { maxStaleSeconds: 60 },
    }],
    revocation: { redis: { pipeline: () => Promise.reject(new Error(inside)) } },
    passport: { issuer: "test", audience: "test", keys: parts.keys },
    log: createLogger({ service: "gateway", sink: (line) => void lines.push(line) }),
  });
  return { gateway, lines };
}

/** A response whose head cannot be read. */
function unreadable(): Response {
  return new Proxy(new Response(), {
    get: (target, name) => name === "headers" ? fault() : Reflect.get(target, name),
  });
}

/** A key that Web Crypto will not sign with. */
async function wrongKey(): Promise<Partial<Parts>> {
  const key = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  assert.ok("publicKey" in key);
  const signing = { kid: "p1", alg: "HS256", key: key.publicKey } as const;
  return { keys: staticPassportSigningKeys([{ profile: "S", state: "signing", signing }]) };
}

const faults: Readonly<
  Record<string, [code: string, () => Partial<Parts> | Promise<Partial<Parts>>]>
> = {
  "an upstream that throws": ["upstream_bad_response", () => ({
    upstream: { name: "x", fetch: fault },
  })],
  "a response that cannot be read": ["internal", () => ({
    upstream: { name: "x", fetch: () => Promise.resolve(unreadable()) },
  })],
  "a truncated body": ["upstream_bad_response", () => ({
    upstream: {
      name: "x",
      fetch: () =>
        Promise.resolve(
          new Response(
            new ReadableStream({ start: (controller) => controller.error(new Error(inside)) }),
            { headers: { "content-type": "application/json" } },
          ),
        ),
    },
  })],
  "a key that cannot sign": ["internal", wrongKey],
};

for (const [what, [code, breakIt]] of Object.entries(faults)) {
  for (const accept of ["application/json", "application/problem+json"]) {
    Deno.test(`${what} is ${code} in ${accept}, without internal details`, async () => {
      const { gateway, lines } = await setup(await breakIt());
      const response = await gateway.request(`${origin}/open`, { headers: { accept } });
      const text = await response.text();
      const body = JSON.parse(text);
      assert.ok(response.status >= 500);
      assert.equal(body.code ?? body.error.code, code);
      const shown = JSON.stringify([...response.headers]) + text;
      for (const part of [inside, "hunter2", "TypeError", "importKey", "crypto", ".ts"]) {
        assert.ok(!shown.includes(part), `${part} in ${shown}`);
      }
      assert.ok(lines.some((line) => line.includes(code)), "the log has the code");
    });
  }
}
