import assert from "node:assert/strict";
import { readJsonObject, readJws } from "@edgepass/shared/crypto";
import { readProjectFile } from "./support/markdown.ts";
import {
  type Installation,
  onDeno,
  onWorkerd,
  startInstallation,
} from "./support/only_the_gateway.ts";
import { waitUntil } from "./support/wait.ts";

interface Outcome {
  readonly status: number;
  readonly code: unknown;
  readonly data: Record<string, unknown>;
}

async function call(
  { fetch }: Installation,
  path: string,
  { token, method = "GET", body }: {
    readonly token?: string | undefined;
    readonly method?: string;
    readonly body?: object;
  } = {},
): Promise<Outcome> {
  const response = await fetch(path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body ? { "content-type": "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const { code, data, error } = await response.json();
  return { status: response.status, code: code ?? error?.code, data: data ?? {} };
}

/** The `kid` of the last Passport that the service received. */
function lastPassportKid({ passports }: Installation): unknown {
  return readJws(passports.at(-1) ?? "", 4096)?.header.kid;
}

/** What each level revokes of these tokens. */
const revoked = {
  token: ["t1", ["t1"]],
  login: ["s2", ["t2", "t3"]],
  subject: ["44", ["t4"]],
  key: ["k2", ["t6"]],
} as const;

async function expectRevocation(installation: Installation, admin: string): Promise<void> {
  const tokens = {
    t1: await installation.sign({ sub: "42", jti: "t1", sid: "s1" }),
    t2: await installation.sign({ sub: "43", jti: "t2", sid: "s2" }),
    t3: await installation.sign({ sub: "43", jti: "t3", sid: "s2" }),
    t4: await installation.sign({ sub: "44", jti: "t4" }),
    t5: await installation.sign({ sub: "42", jti: "t5", sid: "s1" }),
    t6: await installation.sign({ sub: "45", jti: "t6", kid: "k2" }),
  };
  const refused = new Set<string>();
  for (const [level, [id, ofLevel]] of Object.entries(revoked)) {
    const { status } = await call(installation, "/admin/revocations", {
      token: admin,
      method: "POST",
      body: { issuer: "corp", level, id, reason: `Test of ${level}` },
    });
    assert.equal(status, 201, level);
    for (const one of ofLevel) refused.add(one);
    for (const [name, token] of Object.entries(tokens)) {
      const { status, code } = await call(installation, "/orders", { token });
      const expected = refused.has(name) ? [401, "token_revoked"] : [200, undefined];
      assert.deepEqual([status, code], expected, `${name} after ${level}`);
    }
  }
  // A new sign-in of the same person is another token.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const later = await installation.sign({ sub: "44" });
  assert.equal((await call(installation, "/orders", { token: later })).status, 200);

  await installation.redis.command("FLUSHALL");
  await waitUntil("the list is rebuilt", async () => {
    const { status, code } = await call(installation, "/orders", { token: tokens.t1 });
    assert.ok(code === "revocation_unavailable" || code === "token_revoked", `${status} ${code}`);
    return code === "token_revoked";
  }, 20_000);
  assert.equal((await call(installation, "/orders", { token: tokens.t5 })).status, 200);
}

async function expectLists(installation: Installation, admin: string): Promise<void> {
  const lists = { "/admin/revocations": "revokedBy", "/admin/audit": "by" };
  for (const [path, member] of Object.entries(lists)) {
    const { status, data } = await call(installation, path, { token: admin });
    assert.equal(status, 200);
    const items = data.items as Record<string, unknown>[];
    assert.deepEqual(items.map((item) => item[member]), Array(4).fill("corp:boss"), path);
  }
}

async function expectLiveConfiguration(installation: Installation, admin: string): Promise<void> {
  const { service } = installation;
  const change = async (document: object) => {
    const options = { token: admin, method: "PUT", body: { document } };
    assert.equal((await call(installation, "/admin/configuration", options)).status, 200);
  };
  assert.equal((await call(installation, "/offers")).status, 404);
  const gateway = { routes: [{ prefix: "/offers", upstream: service, access: "authenticated" }] };
  await change({ gateway });
  const token = await installation.sign({ sub: "42", groups: ["staff"] });
  assert.equal((await call(installation, "/offers", { token })).status, 200);
  assert.equal(lastPassportKid(installation), "p1");
  const passport = { p1: "retired", p2: "signing" };
  await change({ gateway, keys: { passport } });
  assert.equal((await call(installation, "/offers", { token })).status, 200);
  assert.equal(lastPassportKid(installation), "p2");
  const { status, data } = await call(installation, "/admin/audit?limit=2", { token: admin });
  assert.equal(status, 200);
  const [last] = data.items as Record<string, unknown>[];
  assert.deepEqual([last?.by, last?.target], ["corp:boss", "configuration"]);
}

async function expectAdministratorsOnly(installation: Installation): Promise<void> {
  const body = { issuer: "corp", level: "key", id: "k1" };
  const requests = [
    ["/admin/revocations", {}],
    ["/admin/revocations", { method: "POST", body }],
    ["/admin/audit", {}],
    ["/admin/configuration", {}],
    ["/admin/configuration", { method: "PUT", body: { document: {} } }],
    ["/admin/configuration/history", {}],
    ["/admin/configuration/rollback", { method: "POST", body: { version: 1 } }],
  ] as const;
  const token = await installation.sign({ sub: "42", groups: ["staff"] });
  for (const [path, options] of requests) {
    const other = await call(installation, path, { ...options, token });
    assert.deepEqual([other.status, other.code], [403, "forbidden"], path);
    assert.equal((await call(installation, path, options)).status, 401, path);
  }
  const refill = { method: "POST", token };
  const inside = await call(installation, "/internal/revocations/refill", refill);
  assert.equal(inside.status, 404, "the gateway has no route to it");
}

for (const [runtime, start] of Object.entries({ "on deno": onDeno, "on workerd": onWorkerd })) {
  Deno.test(`the programs of docs/only-the-gateway.md keep its promises, ${runtime}`, async (t) => {
    await using installation = await startInstallation(start);
    const admin = await installation.sign({ sub: "boss", groups: ["admin"] });
    await t.step(
      "a token of the identity provider is accepted, and becomes a Passport",
      async () => {
        const token = await installation.sign({ sub: "42", groups: ["staff"] });
        await waitUntil("the gateway is ready", async () => {
          const { status } = await call(installation, "/orders", { token });
          return status === 200;
        }, 30_000);
        const claims = readJsonObject(
          readJws(installation.passports.at(-1) ?? "", 4096)?.payload ?? new Uint8Array(),
        );
        assert.deepEqual([claims?.sub, claims?.roles], ["user:corp:42", ["staff"]]);
        assert.equal((await call(installation, "/orders")).status, 401);
      },
    );
    await t.step(
      "others than administrators are refused",
      () => expectAdministratorsOnly(installation),
    );
    await t.step(
      "a revocation holds from its response on, also after Redis was emptied",
      () => expectRevocation(installation, admin),
    );
    await t.step("lists and audit show who revoked", () => expectLists(installation, admin));
    await t.step(
      "a change of the configuration takes effect with its response",
      () => expectLiveConfiguration(installation, admin),
    );
  });
}

Deno.test("the settings table of docs/only-the-gateway.md equals what the control plane reads", async () => {
  const page = await readProjectFile("docs/only-the-gateway.md");
  const rows = Array.from(
    page.matchAll(/^\| `([A-Z_]+)` +\|.*\| (yes)? +\|$/gm),
    ([, name = "", secret]) => ({ name, isSecret: secret === "yes" }),
  );
  const files = [
    "control/compose.ts",
    "shared/http/service_runtime.ts",
    "shared/redis/upstash.ts",
    "shared/log.ts",
  ];
  const sources = (await Promise.all(files.map(readProjectFile))).join("\n");
  const read = Array.from(sources.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm), ([, name = ""]) => name)
    .filter((name) => !/^(PASSPORT_KEYS_RELOAD|LOG_SINK)$/.test(name));
  assert.deepEqual(rows.map(({ name }) => name).sort(), [...new Set(read)].sort());

  const wrangler = await readProjectFile("control/wrangler.toml");
  const names = (pattern: RegExp) =>
    Array.from(wrangler.matchAll(pattern), ([, name = ""]) => name)
      .filter((name) => rows.some((row) => row.name === name)).sort();
  const expected = (isSecret: boolean) =>
    rows.filter((row) => row.isSecret === isSecret && !/_DB(_TOKEN)?$/.test(row.name))
      .map(({ name }) => name).sort();
  assert.deepEqual(names(/^([A-Z_]+) = ""$/gm), expected(false));
  assert.deepEqual(names(/"([A-Z_]+)"/g).filter((name) => name !== "CONTROL_DB"), expected(true));
});
