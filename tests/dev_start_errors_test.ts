import assert from "node:assert/strict";
import { freePort, runDev, temporaryWorkspace } from "./support/dev_system.ts";

const secret = "A5EBiDsCjyR-Qu_kGs4ZSwzfyS3tDI2iBrCSnAhRZ08";
const keyOfMany = JSON.stringify([{ kid: "a", secret, state: "signing" }, {
  kid: "b",
  secret: "Zv2nVWk5OMYkBqNn8Y6Rb0qL6r9eTtM3JxVn1p0sWcQ",
  state: "signing",
}]);

/** The variables, what the one line must contain, and what it must not show. */
const broken = {
  "a port that is not a number": [
    { PORT: "eighty" },
    /^Cannot start: PORT: must be a whole number/,
    "eighty",
  ],
  "a port out of range": [{ PORT: "65536" }, /^Cannot start: PORT: /, "65536"],
  "an invalid dashboard port": [
    { DASHBOARD_PORT: "x" },
    /^Cannot start: DASHBOARD_PORT: /,
    "x ",
  ],
  "a Redis URL without its token": [
    { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9" },
    /^Cannot start: UPSTASH_REDIS_REST_TOKEN is missing/,
    "127.0.0.1:9",
  ],
  "a Redis token without its URL": [
    { UPSTASH_REDIS_REST_TOKEN: "half-of-it" },
    /^Cannot start: UPSTASH_REDIS_REST_URL is missing/,
    "half-of-it",
  ],
  "an invalid Redis address": [
    { REDIS_URL: "http://user:pw@127.0.0.1" },
    /^Cannot start: REDIS_URL must begin with redis:/,
    "user:pw",
  ],
  "a Redis address without a server": [
    { REDIS_URL: `redis://user:pw@127.0.0.1:${freePort()}` },
    /^Cannot start: no Redis responds at REDIS_URL/,
    "user:pw",
  ],
  "issuers that are not JSON": [
    { ISSUERS: "[not json" },
    /^Cannot start: ISSUERS: must be JSON/,
    "[not",
  ],
  "a route without an access rule": [
    { ROUTES: JSON.stringify([{ prefix: "/echo", upstream: "http://127.0.0.1:9" }]) },
    /^Cannot start: ROUTES /,
    "/echo",
  ],
  "a short Passport secret": [
    { PASSPORT_KEYS: JSON.stringify([{ kid: "a", secret: "c2hvcnQ", state: "signing" }]) },
    /^Cannot start: PASSPORT_KEYS /,
    "c2hvcnQ",
  ],
  "two signing Passport keys": [
    { PASSPORT_KEYS: keyOfMany },
    /^Cannot start: PASSPORT_KEYS/,
    secret,
  ],
  "access token keys of another type": [
    { ACCESS_TOKEN_KEYS: JSON.stringify({ keys: [{ kty: "oct", k: secret, kid: "a" }] }) },
    /^Cannot start: ACCESS_TOKEN_KEYS /,
    secret,
  ],
  "a weak refresh token key": [
    { REFRESH_TOKEN_KEY: "A".repeat(43) },
    /^Cannot start: REFRESH_TOKEN_KEY: /,
    "AAAA",
  ],
  "a lifetime that is not a number": [
    { PASSPORT_TTL_SECONDS: "soon" },
    /^Cannot start: PASSPORT_TTL_SECONDS: /,
    "soon",
  ],
  "a public origin with a path": [
    { PUBLIC_ORIGIN: "http://127.0.0.1/inside" },
    /^Cannot start: PUBLIC_ORIGIN: /,
    "/inside",
  ],
  "a common administrator's password": [
    { ADMIN_PASSWORD: "password123" },
    /^Cannot start: ADMIN_PASSWORD: /,
    "password123",
  ],
  "a value that dotenv cannot hold": [
    { ADMIN_PASSWORD: "it's `quoted` twice" },
    /^Cannot start: ADMIN_PASSWORD has both/,
    "quoted` twice",
  ],
} as const;

Deno.test("deno task dev refuses", async (t) => {
  await using workspace = await temporaryWorkspace();
  for (const [what, [env, line, value]] of Object.entries(broken)) {
    await t.step(what, async () => {
      const { code, output } = await runDev({ workspace: workspace.path, env });
      const lines = linesOf(output);
      assert.equal(lines.length, 1, output);
      assert.match(lines[0] ?? "", line);
      assert.equal(code, 1);
      assert.ok(!lines[0]?.includes(value), "the line shows the value");
    });
  }
});

Deno.test("deno task dev reports a port that is in use", async () => {
  await using workspace = await temporaryWorkspace();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const { code, output } = await runDev({ workspace: workspace.path, port });
  assert.equal(code, 1);
  const expected =
    `Cannot start: PORT ${port} is in use by another program; set PORT to another port`;
  assert.deepEqual(linesOf(output), [expected]);
});

Deno.test("deno task dev reports a workspace that is not writable", async () => {
  await using workspace = await temporaryWorkspace();
  await Deno.writeTextFile(`${workspace.path}/file`, "");
  const inside = `${workspace.path}/file/inside`;
  const { code, output } = await runDev({ workspace: inside });
  assert.equal(code, 1);
  const [line = "", ...more] = linesOf(output);
  assert.deepEqual(more, []);
  assert.ok(line.startsWith(`Cannot start: EDGEPASS_HOME ${inside} is not writable`), line);
});

Deno.test("deno task dev lists its options for an unknown option", async () => {
  await using workspace = await temporaryWorkspace();
  const { code, output } = await runDev({ workspace: workspace.path, args: ["--spilt"] });
  assert.equal(code, 2);
  assert.deepEqual(linesOf(output), [
    "Cannot start: unknown option. Usage: deno task dev [--split], or deno task dev:workers",
  ]);
});

/** The output of dev, without Deno's own line about the task. */
function linesOf(output: string): string[] {
  return output.trim().split("\n").filter((line) => !/^Task /.test(line));
}
