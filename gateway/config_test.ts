import { encodeBase64Url } from "@edgepass/shared/crypto";
import assert from "node:assert/strict";
import { readGatewayConfig } from "./config.ts";

const secret = () => encodeBase64Url(crypto.getRandomValues(new Uint8Array(32)));
const passportKey = (over: object = {}) => ({
  kid: "p",
  secret: secret(),
  state: "signing",
  ...over,
});
const jwk = { kid: "k", kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" };
const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const issuer = (over: object = {}) => ({
  alias: "acme",
  iss: "https://marker.test",
  audience: "api",
  jwks: "https://marker.test/keys",
  algorithms: ["EdDSA"],
  ...over,
});
const route = (over: object = {}) => ({
  prefix: "/marker",
  upstream: "http://127.0.0.1:1",
  access: "public",
  ...over,
});
const json = (...rows: object[]) => JSON.stringify(rows);

const good = {
  PUBLIC_ORIGIN: "https://gateway.test",
  PASSPORT_KEYS: json(passportKey()),
  UPSTASH_REDIS_REST_URL: "https://redis.test",
  UPSTASH_REDIS_REST_TOKEN: "t",
};

/** Values with which a gateway does not start, by their variable. */
const refused: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  PUBLIC_ORIGIN: {
    "nothing": "",
    "no URL": "marker",
    "a path": "https://marker.test/x",
    "a slash": "https://marker.test/",
    "userinfo": "https://marker@gateway.test",
    "another scheme": "ftp://marker.test",
  },
  ALLOWED_ORIGINS: { "a pattern": "https://*.marker.test/x", "null": "null,marker" },
  UPSTASH_REDIS_REST_URL: { "nothing": "", "no URL": "marker", "another scheme": "redis://marker" },
  UPSTASH_REDIS_REST_TOKEN: { "nothing": "" },
  REVOCATION_TIMEOUT_MS: { "no time": "0", "no number": "marker", "a fraction": "1.5" },
  PASSPORT_TTL_SECONDS: { "over 300": "301", "none": "0" },
  LEEWAY_SECONDS: { "negative": "-1", "no number": "marker" },
  CLIENT_ADDRESS: { "another header": "x-marker", "no hops": "x-forwarded-for:0" },
  ISSUER: { "a text too long for a Passport": `https://marker.test/${"x".repeat(512)}` },
  PASSPORT_KEYS: {
    "nothing": "",
    "no JSON": "marker",
    "no key": "[]",
    "a short secret": json(passportKey({ secret: "bWFya2Vy" })),
    "a patterned secret": json(passportKey({ secret: "A".repeat(43) })),
    "two signing keys": json(passportKey(), passportKey({ kid: "q" })),
    "no signing key": json(passportKey({ state: "retired" })),
    "a kid twice": json(passportKey(), passportKey({ state: "retired" })),
  },
  ISSUERS: {
    "no JSON": "marker",
    "no list": "{}",
    "an alias of ours": json(issuer({ alias: "user" })),
    "an alias with a colon": json(issuer({ alias: "a:marker" })),
    "an alias twice": json(issuer(), issuer({ iss: "https://other.marker.test" })),
    "an iss twice": json(issuer(), issuer({ alias: "other" })),
    "no algorithm": json(issuer({ algorithms: [] })),
    "a shared-secret algorithm": json(issuer({ algorithms: ["HS256"] })),
    "an unknown member": json(issuer({ further: "marker" })),
    "keys that are no URL": json(issuer({ jwks: "marker" })),
    "an empty set": json(issuer({ jwks: { keys: [] } })),
    "keys of another algorithm": json(
      issuer({ jwks: { keys: [{ ...jwk, x }] }, algorithms: ["RS256"] }),
    ),
    "a private key": json(issuer({ jwks: { keys: [{ ...jwk, x, d: "marker" }] } })),
    "a shared secret": json(issuer({ jwks: { keys: [{ kid: "k", kty: "oct", k: "marker" }] } })),
  },
  ROUTES: {
    "no JSON": "marker",
    "no access rule": json(route({ access: undefined })),
    "an unknown access rule": json(route({ access: "marker" })),
    "no roles": json(route({ access: { roles: [] } })),
    "no slash in front": json(route({ prefix: "marker" })),
    "a prefix that is no path": json(route({ prefix: "/mar ker" })),
    "a dot segment": json(route({ prefix: "/marker/.." })),
    "the same prefix twice": json(route(), route()),
    "the same prefix twice but for a slash": json(route(), route({ prefix: "/marker/" })),
    "an upstream with a path": json(route({ upstream: "http://127.0.0.1:1/marker" })),
    "an upstream with userinfo": json(route({ upstream: "http://marker:x@127.0.0.1:1" })),
    "an upstream that is no URL": json(route({ upstream: "marker" })),
    "a limit over the Passport's life": json(route({ timeoutMs: 30_001 })),
    "an unknown member": json(route({ further: "marker" })),
    "no staleness": json(route({ revocation: { boundedMs: 0 } })),
  },
};

for (const [name, values] of Object.entries(refused)) {
  for (const [what, value] of Object.entries(values)) {
    Deno.test(`${name} with ${what} is refused at boot, by name and without its value`, async () => {
      await assert.rejects(readGatewayConfig({ ...good, [name]: value }), (error) => {
        assert.ok(error instanceof Error);
        assert.equal(error.name, "ConfigError");
        assert.ok(error.message.startsWith("Cannot start: "), error.message);
        assert.ok(error.message.includes(name), error.message);
        assert.ok(!error.message.toLowerCase().includes("marker"), error.message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    });
  }
}

/** Mistakes of people who write rows by hand → what the line says, with the path. */
const mistakes: Readonly<Record<string, readonly ["ISSUERS" | "ROUTES", object[], string]>> = {
  "an unknown member": ["ISSUERS", [issuer({ colour: 1 })], "ISSUERS (0.colour): unknown key"],
  "a misspelt member": [
    "ISSUERS",
    [issuer(), issuer({ alias: "b", audiance: "api" })],
    "ISSUERS (1.audiance): unknown key, did you mean audience?",
  ],
  "a misspelt member inside": [
    "ISSUERS",
    [issuer({ claims: { role: "groups" } })],
    "ISSUERS (0.claims.role): unknown key, did you mean roles?",
  ],
  "a wrong type": [
    "ISSUERS",
    [issuer({ algorithms: "RS256" })],
    "ISSUERS (0.algorithms): must be of type array",
  ],
  "a wrong type inside": [
    "ISSUERS",
    [issuer({ claims: { sid: 5 } })],
    "ISSUERS (0.claims.sid): must be of type string or array",
  ],
  "a key set's URL with a password": [
    "ISSUERS",
    [issuer({ jwks: "https://user:marker@id.test/keys" })],
    "ISSUERS (0.jwks): must be a URL without credentials",
  ],
  "a configuration's URL with a user": [
    "ISSUERS",
    [issuer({ jwks: undefined, discovery: "https://marker@id.test/openid" })],
    "ISSUERS (0.discovery): must be a URL without credentials",
  ],
  "a key set without a usable key": [
    "ISSUERS",
    [issuer({ jwks: { keys: [{ kid: "k7", kty: "EC", crv: "P-256", use: "enc" }] } })],
    'ISSUERS (0.jwks): has no key that fits one of its algorithms: key 0 ("k7") is not for signatures',
  ],
  "a misspelt member of a route": [
    "ROUTES",
    [route({ timeoutMS: 5 })],
    "ROUTES (0.timeoutMS): unknown key, did you mean timeoutMs?",
  ],
  "an unknown member inside of a route": [
    "ROUTES",
    [route({ fallback: { maxStaleSeconds: 5, colour: "x" } })],
    "ROUTES (0.fallback.colour): unknown key",
  ],
  "a misspelt form of access": [
    "ROUTES",
    [route({ access: { role: ["admin"] } })],
    'ROUTES (0.access): must be "public", "optional", "authenticated" or {"roles":[…]}',
  ],
  "a wrong type in a route": [
    "ROUTES",
    [route({ envelope: "yes" })],
    "ROUTES (0.envelope): must be of type boolean",
  ],
};
for (const [what, [name, rows, message]] of Object.entries(mistakes)) {
  Deno.test(`${what} in ${name} is named with its path`, async () => {
    await assert.rejects(readGatewayConfig({ ...good, [name]: json(...rows) }), (error) => {
      assert.ok(error instanceof Error);
      assert.ok(
        error.message.replace("Cannot start: ", "").split("; ").includes(message),
        error.message,
      );
      return true;
    });
  });
}

Deno.test("one error line names all missing settings", async () => {
  await assert.rejects(readGatewayConfig({}), (error) => {
    assert.ok(error instanceof Error);
    for (const name of Object.keys(good)) assert.ok(error.message.includes(`${name} is missing`));
    return true;
  });
});

Deno.test("a gateway's settings are typed, and unset ones have their defaults", async () => {
  const config = await readGatewayConfig({
    ...good,
    ALLOWED_ORIGINS: "https://a.test, https://b.test",
    CLIENT_ADDRESS: "x-forwarded-for:2",
    ISSUERS: json(issuer({ jwks: { keys: [{ ...jwk, x }] }, typ: "JWT" })),
    ROUTES: json(route(), route({ prefix: "/", envelope: false })),
  });
  assert.deepEqual(config.allowedOrigins, ["https://a.test", "https://b.test"]);
  assert.deepEqual(config.clientAddress, { kind: "forwarded", hops: 2 });
  assert.deepEqual([config.issuer, config.audience], [good.PUBLIC_ORIGIN, good.PUBLIC_ORIGIN]);
  assert.deepEqual(config.routes.map(({ path }) => path), ["/marker/*", "/*"]);
  assert.deepEqual(config.issuers.map(({ alias, typ }) => [alias, typ]), [["acme", ["jwt"]]]);
  assert.deepEqual([config.leewaySeconds, config.passport.ttlSeconds], [5, 30]);
});

Deno.test("issuers whose keys come over plain http are named in a warning at start", async () => {
  const lines: string[] = [];
  const write = console.log;
  console.log = (line: string) => lines.push(line);
  try {
    const rows = [
      issuer({ alias: "inside", iss: "https://a.test", jwks: "http://keycloak:8080/keys" }),
      issuer({ alias: "machine", iss: "https://b.test", jwks: "http://127.0.0.1:8080/keys" }),
      issuer({ alias: "found", iss: "https://c.test", jwks: undefined }),
      issuer({ alias: "plain", iss: "http://d.test", jwks: undefined }),
    ];
    await readGatewayConfig({ ...good, ISSUERS: json(...rows) });
  } finally {
    console.log = write;
  }
  const [line, ...others] = lines.map((text) => JSON.parse(text));
  assert.deepEqual([line?.level, line?.issuers], ["warn", ["inside", "plain"]]);
  assert.equal(others.length, 0);
});
