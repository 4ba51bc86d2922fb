import assert from "node:assert/strict";
import { waitUntil } from "../support/wait.ts";
import { createIssuerKey, signParts } from "./gateway_tokens.ts";
import { type RecordingUpstream, type Seen, startUpstream } from "./gateway_upstreams.ts";
import { type Environment, type GatewayCase, ourClaims } from "./gateway_environment.ts";

const configurationPath = "/.well-known/openid-configuration";

type Page = (seen: Seen) => Response | Promise<Response>;

/** What an issuer serves, by path; any other path is 404. */
type Pages = Readonly<Record<string, Page>>;

interface Setup {
  readonly row?: (issuer: RecordingUpstream) => object;
  readonly pages?: (issuer: RecordingUpstream, set: object) => Pages;
}

/** An issuer on a server of its own, and a gateway with a row for it. */
async function setup(environment: Environment, { row, pages }: Setup) {
  const key = await createIssuerKey("ES256");
  const issuer = startUpstream();
  const set = { keys: [key.jwk] };
  const served = { "/keys": () => Response.json(set), ...pages?.(issuer, set) };
  issuer.respondWith((_request, seen) =>
    Object.entries(served).find(([path]) => path === seen.target)?.[1](seen) ??
      new Response("nothing here", { status: 404 })
  );
  const settings = {
    alias: "corp",
    iss: issuer.url,
    audience: "api",
    algorithms: ["ES256"],
    ...row?.(issuer),
  };
  const gateway = await environment.serve({ ISSUERS: JSON.stringify([settings]) });
  const { iat, exp } = ourClaims();
  return {
    issuer,
    key,
    gateway,
    async send(header: object = {}, claims: object = {}, path = "/member") {
      const payload = { iss: settings.iss, aud: "api", sub: "7", iat, exp, ...claims };
      const token = await signParts({
        header: { alg: "ES256", kid: key.kid, ...header },
        payload,
        key,
      });
      return await read(`${gateway.origin}${path}`, { authorization: `Bearer ${token}` });
    },
    readiness: () => read(`${gateway.origin}/readyz`),
    targets: () => issuer.seen.map(({ target }) => target),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

async function read(url: string, headers: HeadersInit = {}) {
  const response = await fetch(url, { headers });
  const { status, ...body } = await response.json();
  return {
    status: response.status,
    code: body.error?.code,
    retryAfter: Number(response.headers.get("retry-after") ?? Number.NaN),
    says: status,
    degraded: body.degraded,
    checks: body.checks,
  };
}

const unavailable = { status: 503, code: "upstream_unavailable" };

const outcome = ({ status, code }: { status: number; code?: string }) => ({ status, code });

const discovered =
  (document: (issuer: RecordingUpstream) => object): Setup["pages"] => (issuer) => ({
    [configurationPath]: () => Response.json(document(issuer)),
  });

const configuration = (issuer: RecordingUpstream) => ({
  issuer: issuer.url,
  jwks_uri: `${issuer.url}/keys`,
});

/** Rows whose key set is found, with the requests that find it. */
const found: Readonly<Record<string, Setup & { readonly targets: readonly string[] }>> = {
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
      await using corp = await setup(environment, options);
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
const refused: Readonly<Record<string, Setup & { readonly asksForKeys?: boolean }>> = {
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
  "a set of keys for other algorithms": {
    row: ({ url }) => ({ jwks: `${url}/keys`, algorithms: ["RS256"] }),
    asksForKeys: true,
  },
};

const refusedCases = Object.fromEntries(
  Object.entries(refused).map(([what, { asksForKeys = false, ...options }]) => [
    `${what} is refused, and degrades its issuer alone`,
    async (environment: Environment) => {
      await using corp = await setup(environment, options);
      assert.deepEqual(outcome(await corp.send()), unavailable);
      assert.equal(corp.targets().includes("/keys"), asksForKeys);
      const { status, degraded } = await corp.readiness();
      assert.deepEqual({ status, degraded }, { status: 200, degraded: ["corp"] });
      const headers = { authorization: `Bearer ${await environment.token()}` };
      assert.equal((await read(`${corp.gateway.origin}/member`, headers)).status, 200);
    },
  ]),
) satisfies Record<string, GatewayCase>;

function redirect(location: string, status = 302): Response {
  return new Response(null, { status, headers: { location } });
}

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
      await using corp = await setup(environment, {
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

  async "a redirect of a key set to another origin is refused, and that origin is not asked"(
    environment,
  ) {
    await using other = startUpstream();
    await using corp = await setup(environment, {
      row: ({ url }) => ({ jwks: `${url}/moved` }),
      pages: () => ({ "/moved": () => redirect(`${other.url}/keys`) }),
    });
    other.respondWith(() => Response.json({ keys: [corp.key.jwk] }));
    assert.deepEqual(outcome(await corp.send()), unavailable);
    assert.deepEqual(corp.targets(), ["/moved"]);
    assert.equal(other.seen.length, 0);
  },

  async "a key set that takes longer than a request waits is read all the same, by one load"(
    environment,
  ) {
    const held = Promise.withResolvers<void>();
    await using corp = await setup(environment, {
      row: ({ url }) => ({ jwks: `${url}/slow` }),
      pages: (_issuer, set) => ({
        "/slow": async () => {
          await held.promise;
          return Response.json(set);
        },
      }),
    });
    const first = await corp.send();
    assert.deepEqual(outcome(first), unavailable);
    assert.ok(first.retryAfter >= 1 && first.retryAfter <= 30, String(first.retryAfter));
    const { status, degraded } = await corp.readiness();
    assert.deepEqual({ status, degraded }, { status: 200, degraded: ["corp"] });
    held.resolve();
    await waitUntil("its tokens are accepted", async () => {
      return (await corp.send()).status === 200;
    }, 10_000);
    assert.deepEqual(corp.targets(), ["/slow"]);
    assert.equal((await corp.readiness()).degraded, undefined);
  },

  async "[D03] an unknown kid is 503 while its issuer may not be asked again, and known ones pass"(
    environment,
  ) {
    await using corp = await setup(environment, { row: ({ url }) => ({ jwks: `${url}/keys` }) });
    // The set was read after this request arrived: it decides.
    assert.deepEqual(outcome(await corp.send({ kid: "unknown" })), {
      status: 401,
      code: "token_invalid",
    });
    const later = await Promise.all(
      Array.from({ length: 20 }, (_, at) => corp.send({ kid: `unknown-${at}` })),
    );
    for (const response of later) {
      assert.deepEqual(outcome(response), unavailable);
      assert.ok(response.retryAfter >= 1 && response.retryAfter <= 30);
    }
    assert.equal((await corp.send()).status, 200);
    assert.deepEqual(corp.targets(), ["/keys"]);
  },

  async "[D03] an unknown kid of a set in the settings is refused: no reload can add it"(
    environment,
  ) {
    const { kid: _, ...other } = (await createIssuerKey("ES256")).jwk;
    await using corp = await setup(environment, {
      row: () => ({ jwks: { keys: [{ ...other, kid: "theirs" }] } }),
    });
    for (const kid of ["unknown-1", "unknown-2"]) {
      assert.deepEqual(outcome(await corp.send({ kid })), { status: 401, code: "token_invalid" });
    }
    assert.deepEqual(corp.targets(), []);
  },

  async "[D03] a gateway is not ready while a required issuer is away, and names it"(environment) {
    await using corp = await setup(environment, {
      row: ({ url }) => ({ jwks: `${url}/nothing`, required: true }),
    });
    const { status, says, degraded, checks } = await corp.readiness();
    assert.deepEqual({ status, says, degraded }, {
      status: 503,
      says: "not ready",
      degraded: ["corp"],
    });
    assert.equal(checks["issuer corp"], "no key set could be read");
    assert.equal(checks["issuer user"], "ready");
  },

  async "[D03] an issuer whose server hangs holds readiness up for less than two seconds"(
    environment,
  ) {
    const held = Promise.withResolvers<Response>();
    await using corp = await setup(environment, {
      row: ({ url }) => ({ jwks: `${url}/hangs` }),
      pages: () => ({ "/hangs": () => held.promise }),
    });
    const begun = performance.now();
    assert.deepEqual((await corp.readiness()).degraded, ["corp"]);
    const firstMs = performance.now() - begun;
    assert.ok(firstMs < 2_000, `${firstMs} ms`);
    held.resolve(new Response());
  },
};
