import type { RevocationLevel } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { locateKeySet, readIssuerKeys } from "../gateway/discovery.ts";
import { IssuerSetting } from "../gateway/issuer_settings.ts";
import { providersDocument, readRow, readSection, withTables } from "./provider_docs.ts";
import { createEnvironment, type Environment } from "./suite/gateway_environment.ts";
import { platforms } from "./suite/gateway_platforms.ts";
import { createIssuerKey, type IssuerKey, signParts } from "./suite/gateway_tokens.ts";
import { startUpstream } from "./suite/gateway_upstreams.ts";
import { createWorkerdPlatform } from "./suite/gateway_workerd.ts";
import { readProjectFile } from "./support/markdown.ts";
import type { Members, Provider, Shape } from "./support/provider.ts";
import { providers } from "./support/providers.ts";
import { waitUntil } from "./support/wait.ts";

const page = await readProjectFile(providersDocument);
const loadedAt = Math.floor(Date.now() / 1000);

/** The key set as the provider publishes it. */
function toKeySet({ kid, key, others = [] }: Provider, jwk: JsonWebKey): Members {
  const { alg: _alg, use: _use, ...material } = jwk;
  return { keys: [...others, { ...material, kid, ...key }] };
}

/** The providers' key sets, at one address. */
function startProviders(keys: ReadonlyMap<Provider, IssuerKey>) {
  const server = startUpstream();
  server.respondWith((_request, { target }) => {
    const provider = providers[Number(target.slice(1))];
    const key = provider && keys.get(provider);
    if (!provider || !key) return new Response(null, { status: 404 });
    return Response.json(toKeySet(provider, key.jwk));
  });
  return server;
}

/** The row of the page; only where its keys are read is this machine. */
function toLocalRow(provider: Provider, url: string): Members {
  const { discovery: _, ...row } = readRow(page, provider);
  return { ...row, jwks: `${url}/${providers.indexOf(provider)}` };
}

/** Two rows of one `iss`, and a template with a row that it matches, need gateways of their own. */
const issOf = (provider: Provider) => String(readRow(page, provider).iss);
const isTemplate = (provider: Provider) => issOf(provider).includes("{");
const isFirst = (provider: Provider) =>
  providers.find((one) => issOf(one) === issOf(provider)) === provider;
const groups = [
  providers.filter((one) => isFirst(one) && !isTemplate(one)),
  providers.filter((one) => !isFirst(one) || isTemplate(one)),
];

interface Case {
  readonly origin: string;
  readonly logLines: readonly string[];
  readonly environment: Environment;
  readonly provider: Provider;
  readonly key: IssuerKey;
}

/** A token as this provider makes it, with the changes of a shape; its times begin now. */
async function makeToken(
  { provider, key }: Pick<Case, "provider" | "key">,
  { claims = {}, header = {} }: Pick<Shape, "claims" | "header"> = {},
  signer = key,
): Promise<string> {
  const later = Math.floor(Date.now() / 1000) - loadedAt;
  const isTime = (name: string) => ["iat", "nbf", "exp", "auth_time"].includes(name);
  const payload = Object.fromEntries(
    Object.entries({ ...provider.claims, ...claims }).map(([name, value]) => [
      name,
      isTime(name) && typeof value === "number" ? value + later : value,
    ]),
  );
  const { alg, kid } = provider;
  return await signParts({
    header: { alg, kid, ...provider.header, ...header },
    payload,
    key: signer,
  });
}

/** The reason that the gateway's log has for the refusal; `accepted` and the Passport otherwise. */
async function ask({ origin, logLines, environment, provider }: Case, token: string) {
  const [role] = provider.passport.roles as string[];
  const before = environment.echo.seen.length;
  const response = await fetch(`${origin}/${role}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { traceId, error } = await response.json();
  if (response.status === 200) {
    assert.equal(environment.echo.seen.length, before + 1);
    const passport = await environment.passportOf(environment.echo.last().headers);
    return { outcome: "accepted", passport };
  }
  assert.equal(environment.echo.seen.length, before, "nothing reaches the service");
  assert.equal(response.status, 401, JSON.stringify(error));
  const find = () =>
    logLines.find((line) => line.includes(traceId) && line.includes("Request completed"));
  await waitUntil("the line is written", () => find() !== undefined, 20_000);
  return { outcome: String(JSON.parse(find() ?? "{}").tokenRefusal), code: error.code };
}

async function expectProvider(one: Case): Promise<void> {
  const { provider, environment } = one;
  const good = await makeToken(one);
  const { outcome, passport } = await ask(one, good);
  assert.equal(outcome, "accepted");
  assert.deepEqual(pick(passport, provider.passport), provider.passport);
  const headers = { authorization: `Bearer ${good}` };
  for (const path of ["/admin/keys", "/admin"]) {
    const { status, body } = await fetch(one.origin + path, { headers });
    await body?.cancel();
    assert.equal(status, provider.administers ? 200 : 403, path);
  }
  const { jwk: _, ...foreign } = await createIssuerKey(provider.alg);
  const forged = await makeToken(one, { header: { x5t: "AAAA", x5c: ["AAAA"] } }, {
    ...one.key,
    ...foreign,
  });
  assert.equal((await ask(one, forged)).outcome, "signature");
  const shapes = [...Object.entries(provider.shapes), ...Object.entries(provider.further ?? {})];
  for (const [what, shape] of shapes) {
    if (!shape) continue;
    const seen = await ask(one, await makeToken(one, shape));
    assert.equal(seen.outcome, shape.outcome, what);
    if (shape.sub !== undefined) assert.equal(seen.passport?.sub, shape.sub, what);
  }
  const { alias } = readRow(page, provider);
  for (const [level, id] of listRevocable(provider)) {
    const value = level === "subject" ? String(loadedAt + 3600) : "1";
    environment.redis.reset();
    environment.redis.revoke(level, id, String(alias), value);
    assert.equal((await ask(one, good)).outcome, `revoked:${level}`);
  }
  environment.redis.reset();
  assert.equal((await ask(one, good)).outcome, "accepted");
}

/** What revokes this provider's token, and by which id: what its row reads of it. */
function listRevocable(provider: Provider): [RevocationLevel, string][] {
  const { alias, claims: map = {} } = readRow(page, provider);
  const read = (name: string) => provider.claims[Reflect.get(Object(map), name) ?? name];
  const tenant = isTemplate(provider) ? `${provider.claims.tid}:` : "";
  const toLevel = (level: RevocationLevel, id: unknown): [RevocationLevel, string][] =>
    typeof id === "string" ? [[level, tenant + id]] : [];
  const [, subject] = String(provider.passport.sub).split(`user:${alias}:`);
  return [
    ...toLevel("token", read("jti")),
    ...toLevel("login", read("sid")),
    ["subject", subject ?? ""],
    ["key", provider.kid],
  ];
}

function pick(passport: object | undefined, members: Members): Members {
  return Object.fromEntries(
    Object.keys(members).map((name) => [name, Reflect.get(passport ?? {}, name)]),
  );
}

/** A route for each role of a Passport here. */
function toRoutes({ echo }: Environment): string {
  const { url: upstream } = echo;
  const toRoute = (role: string) => ({ prefix: `/${role}`, upstream, access: { roles: [role] } });
  return JSON.stringify(["admin", "org-admin", "staff"].map(toRoute));
}

async function expectAll(
  t: Deno.TestContext,
  environment: Environment,
  keys: ReadonlyMap<Provider, IssuerKey>,
): Promise<void> {
  await using server = startProviders(keys);
  for (const group of groups) {
    await using gateway = await environment.serve({
      ISSUERS: JSON.stringify(group.map((provider) => toLocalRow(provider, server.url))),
      ROUTES: toRoutes(environment),
      PASSPORT_POLICY: "0.1.1",
    });
    const { origin, logLines } = gateway;
    for (const provider of group) {
      const key = keys.get(provider);
      assert.ok(key);
      await t.step({
        name: `${environment.runtime}: ${provider.title}`,
        sanitizeOps: false,
        sanitizeResources: false,
        fn: () => expectProvider({ origin, logLines, environment, provider, key }),
      });
    }
  }
}

Deno.test("each provider's tokens, with the row of the page", async (t) => {
  const keys = new Map(
    await Promise.all(
      providers.map(async (one) => [one, await createIssuerKey(one.alg, one.kid)] as const),
    ),
  );
  {
    await using environment = await createEnvironment("deno", platforms.deno);
    await expectAll(t, environment, keys);
  }
  await using workerd = await createWorkerdPlatform();
  await using environment = await createEnvironment("workerd", workerd.serve);
  await expectAll(t, environment, keys);
});

/** The row without one of its checks, by the check's name. */
function listWeakened(row: Members): [string, Members][] {
  const { require, ...rest } = row;
  const required = Object.entries(Object(require)).map(([name]): [string, Members] => {
    const { [name]: _, ...others } = Object(require);
    return [`require.${name}`, { ...rest, require: others }];
  });
  const { clients, ...open } = row;
  // Without clients a row must have an audience.
  return clients && row.audience ? [...required, ["clients", open]] : required;
}

Deno.test("each check of a row refuses a token that the others let pass", async () => {
  await using environment = await createEnvironment("deno", platforms.deno);
  for (const provider of providers) {
    const key = await createIssuerKey(provider.alg, provider.kid);
    const { discovery: _, ...row } = readRow(page, provider);
    for (const [check, weakened] of listWeakened({ ...row, jwks: toKeySet(provider, key.jwk) })) {
      await using gateway = await environment.serve({
        ISSUERS: JSON.stringify([weakened]),
        PASSPORT_POLICY: "0.1.1",
      });
      const shapes = [...Object.values(provider.shapes), ...Object.values(provider.further ?? {})];
      const passing = await Promise.all(
        shapes.filter((shape) => shape !== undefined && shape.outcome !== "accepted")
          .map(async (shape) => {
            const headers = {
              authorization: `Bearer ${await makeToken({ provider, key }, shape)}`,
            };
            const response = await fetch(`${gateway.origin}/member`, { headers });
            await response.body?.cancel();
            return response.status === 200;
          }),
      );
      assert.ok(passing.includes(true), `${provider.title}: nothing needs ${check}`);
    }
  }
});

Deno.test("what policy 0.1.0 makes of a machine: one that is its own subject is a user, one without is refused", async () => {
  await using environment = await createEnvironment("deno", platforms.deno);
  for (const provider of providers) {
    const { machine } = provider.shapes;
    if (machine?.sub === undefined) continue;
    const key = await createIssuerKey(provider.alg, provider.kid);
    const { discovery: _, ...row } = readRow(page, provider);
    const ISSUERS = JSON.stringify([{ ...row, jwks: toKeySet(provider, key.jwk) }]);
    await using gateway = await environment.serve({ ISSUERS, ROUTES: toRoutes(environment) });
    const { origin, logLines } = gateway;
    const token = await makeToken({ provider, key }, machine);
    const seen = await ask({ origin, logLines, environment, provider, key }, token);
    assert.equal(seen.passport?.sub ?? seen.outcome, machine.under010 ?? machine.sub);
  }
});

for (const provider of providers) {
  Deno.test(`the row of ${provider.title} leads to the provider's keys`, async () => {
    const { iss, jwks, discovery } = IssuerSetting.parse(readRow(page, provider));
    const { at, issuer = iss, keys = jwks } = provider.discovery ?? {};
    const { jwk } = await createIssuerKey(provider.alg, provider.kid);
    const seen: string[] = [];
    const source = locateKeySet({ iss, jwks, discovery }, {
      now: Date.now,
      fetch(url) {
        seen.push(url);
        const document = url === at ? { issuer, jwks_uri: keys } : toKeySet(provider, jwk);
        return Promise.resolve(Response.json(document));
      },
    });
    const found = await readIssuerKeys({ jwks: source, algorithms: [provider.alg] });
    assert.deepEqual(found.keys.entries.map(({ kid }) => kid), [provider.kid]);
    assert.deepEqual(seen, at === undefined ? [jwks] : [at, keys]);
  });
}

Deno.test("the page has the tables of the tests", () => {
  const unformatted = (text: string) =>
    text.replaceAll(/ +\| */g, " | ").replaceAll(/-{2,}/g, "--");
  assert.equal(unformatted(page), unformatted(withTables(page)));
});

for (const provider of providers) {
  Deno.test(`the page says what can be revoked with ${provider.title}`, () => {
    const [, line] = /^- Revocable: ([^.]+)\./m.exec(readSection(page, provider)) ?? [];
    const named = ["token", "login", "person", "key"].filter((word) => line?.includes(word));
    const levels = listRevocable(provider)
      .map(([level]) => level === "subject" ? "person" : level);
    assert.deepEqual(named.toSorted(), levels.toSorted());
  });
}
