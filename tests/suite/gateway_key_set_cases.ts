import assert from "node:assert/strict";
import type { Environment, GatewayCase } from "./gateway_environment.ts";
import {
  type IssuerSetup,
  outcome,
  read,
  redirect,
  unavailable,
  withPublisher,
} from "./gateway_publisher.ts";
import { type RecordingUpstream, startUpstream } from "./gateway_upstreams.ts";

const configurationPath = "/.well-known/openid-configuration";

const discovered =
  (document: (issuer: RecordingUpstream) => object): NonNullable<IssuerSetup["pages"]> =>
  (issuer) => ({
    [configurationPath]: () => Response.json(document(issuer)),
  });

const configuration = (issuer: RecordingUpstream) => ({
  issuer: issuer.url,
  jwks_uri: `${issuer.url}/keys`,
});

/** Rows whose key set is found, with the requests that find it. */
const found: Readonly<Record<string, IssuerSetup & { readonly targets: readonly string[] }>> = {
  "below its iss": { pages: discovered(configuration), targets: [configurationPath, "/keys"] },
  "below an iss that ends with a slash": {
    row: ({ url }) => ({ iss: `${url}/` }),
    pages: discovered((issuer) => ({ ...configuration(issuer), issuer: `${issuer.url}/` })),
    targets: [configurationPath, "/keys"],
  },
  "by the URL of its configuration": {
    row: ({ url }) => ({ iss: "http://elsewhere.test/a", discovery: `${url}/tenant/openid` }),
    pages: (issuer) => ({
      "/tenant/openid": () =>
        Response.json({ ...configuration(issuer), issuer: "http://elsewhere.test/a" }),
    }),
    targets: ["/tenant/openid", "/keys"],
  },
  "behind three redirects of its host": {
    row: ({ url }) => ({ iss: "https://elsewhere.test", jwks: `${url}/1` }),
    pages: ({ url }) => ({
      "/1": () => redirect("/2", 301),
      "/2": () => redirect(`${url}/3`, 307),
      "/3": () => redirect("./keys", 302),
    }),
    targets: ["/1", "/2", "/3", "/keys"],
  },
};

const foundCases = Object.fromEntries(
  Object.entries(found).map(([where, { targets, ...options }]) => [
    `a key set ${where} is found once, without credentials`,
    async (environment: Environment) => {
      await using corp = await withPublisher(environment, options);
      assert.equal((await corp.send()).status, 200);
      assert.equal((await corp.send({}, { sub: "8" })).status, 200);
      assert.deepEqual(corp.targets(), targets);
      for (const { method, headers } of corp.issuer.seen) {
        assert.equal(method, "GET");
        const secret = [...headers.keys()].filter((name) =>
          /authorization|cookie|passport/.test(name)
        );
        assert.deepEqual(secret, []);
      }
    },
  ]),
) satisfies Record<string, GatewayCase>;

/** Rows whose keys must not be read, and whether the request for the keys is sent at all. */
const refused: Readonly<Record<string, IssuerSetup & { readonly asksForKeys?: boolean }>> = {
  "a configuration of another issuer": {
    pages: discovered((issuer) => ({ ...configuration(issuer), issuer: "http://other.test" })),
  },
  "a configuration whose issuer has one more slash": {
    pages: discovered((issuer) => ({ ...configuration(issuer), issuer: `${issuer.url}/` })),
  },
  "a configuration with a placeholder for an exact issuer": {
    pages: discovered((issuer) => ({
      ...configuration(issuer),
      issuer: `${issuer.url}{tenantid}`,
    })),
  },
  "a configuration without jwks_uri": {
    pages: discovered(({ url }) => ({ issuer: url })),
  },
  "plain HTTP for the keys of an https issuer": {
    row: ({ url }) => ({ iss: "https://id.test", discovery: `${url}/openid` }),
    pages: (issuer) => ({
      "/openid": () => Response.json({ ...configuration(issuer), issuer: "https://id.test" }),
    }),
  },
  "a jwks_uri with a password": {
    pages: discovered((issuer) => ({
      ...configuration(issuer),
      jwks_uri: `${issuer.url}/keys`.replace("//", "//user:pw@"),
    })),
  },
  "a configuration of more than 256 KiB": {
    pages: discovered((issuer) => ({ ...configuration(issuer), filler: "x".repeat(270_000) })),
  },
  "a fourth redirect": {
    row: ({ url }) => ({ jwks: `${url}/0` }),
    pages: () => ({
      "/0": () => redirect("/1"),
      "/1": () => redirect("/2"),
      "/2": () => redirect("/3"),
      "/3": () => redirect("/keys"),
    }),
  },
  "a redirect that does not say where to": {
    row: ({ url }) => ({ jwks: `${url}/0` }),
    pages: () => ({ "/0": () => new Response(null, { status: 302 }) }),
  },
  "a set without a usable key": {
    row: ({ url }) => ({ jwks: `${url}/keys` }),
    pages: () => ({ "/keys": () => Response.json({ keys: [{ kid: "a", kty: "EC" }] }) }),
    asksForKeys: true,
  },
};

const refusedCases = Object.fromEntries(
  Object.entries(refused).map(([what, { asksForKeys = false, ...options }]) => [
    `${what} is refused, and degrades its issuer alone`,
    async (environment: Environment) => {
      await using corp = await withPublisher(environment, options);
      assert.deepEqual(outcome(await corp.send()), unavailable);
      assert.equal(corp.targets().includes("/keys"), asksForKeys);
      const { status, degraded } = await corp.readiness();
      assert.deepEqual({ status, degraded }, { status: 200, degraded: ["corp"] });
      const headers = { authorization: `Bearer ${await environment.token()}` };
      assert.equal((await read(`${corp.gateway.origin}/member`, headers)).status, 200);
    },
  ]),
) satisfies Record<string, GatewayCase>;

async function gzipped(value: object): Promise<Response> {
  const stream = new Blob([JSON.stringify(value)]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return new Response(await new Response(stream).arrayBuffer(), {
    headers: { "content-encoding": "gzip", "content-type": "application/json" },
  });
}

/** Spellings of a set that issuers publish. */
const spellings: Readonly<Record<string, (set: object) => Response | Promise<Response>>> = {
  "with a byte order mark": (set) => new Response(`\uFEFF${JSON.stringify(set)}`),
  "as application/jwk-set+json": (set) =>
    Response.json(set, { headers: { "content-type": "application/jwk-set+json" } }),
  "as text/plain": (set) => new Response(JSON.stringify(set)),
  "compressed": gzipped,
};

const spellingCases = Object.fromEntries(
  Object.entries(spellings).map(([how, respond]) => [
    `a key set ${how} is read`,
    async (environment: Environment) => {
      await using corp = await withPublisher(environment, {
        row: ({ url }) => ({ jwks: `${url}/set` }),
        pages: (_issuer, set) => ({ "/set": () => respond(set) }),
      });
      assert.equal((await corp.send()).status, 200);
      assert.deepEqual(outcome(await corp.send({}, { aud: "other" })), {
        status: 401,
        code: "token_invalid",
      });
    },
  ]),
) satisfies Record<string, GatewayCase>;

export const keySetCases: Readonly<Record<string, GatewayCase>> = {
  ...foundCases,
  ...refusedCases,
  ...spellingCases,

  async "a template takes a configuration with another name in its braces, and no other"(
    environment,
  ) {
    const documents = {
      "{tenantid}/v2.0": 200,
      "{tid}/v2.0": 200,
      "{tenantid}/v1.0": 503,
      "t1/v2.0": 503,
      "{tenantid}{tid}/v2.0": 503,
    };
    for (const [issuer, status] of Object.entries(documents)) {
      await using corp = await withPublisher(environment, {
        row: ({ url }) => ({
          iss: `${url}/{tid}/v2.0`,
          tenants: ["t1"],
          discovery: `${url}/common/openid`,
        }),
        pages: ({ url }) => ({
          "/common/openid": () =>
            Response.json({ issuer: `${url}/${issuer}`, jwks_uri: `${url}/keys` }),
        }),
      });
      const iss = `${corp.issuer.url}/t1/v2.0`;
      assert.equal((await corp.send({}, { iss, tid: "t1" })).status, status, issuer);
      if (status !== 200) continue;
      assert.equal((await corp.send({}, { iss, tid: "t2" })).code, "token_invalid");
    }
  },

  async "a redirect of a key set to another origin is refused, and that origin is not asked"(
    environment,
  ) {
    await using other = startUpstream();
    await using corp = await withPublisher(environment, {
      row: ({ url }) => ({ jwks: `${url}/moved` }),
      pages: () => ({ "/moved": () => redirect(`${other.url}/keys`) }),
    });
    other.respondWith(() => Response.json({ keys: [corp.key.jwk] }));
    assert.deepEqual(outcome(await corp.send()), unavailable);
    assert.deepEqual(corp.targets(), ["/moved"]);
    assert.equal(other.seen.length, 0);
  },
};
