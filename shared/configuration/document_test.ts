import assert from "node:assert/strict";
import { createDocumentSchema, readDocument } from "./document.ts";
import { readGatewayValues, readOwn, readServiceValues } from "./sections.ts";
import * as z from "zod/mini";
import { wholeNumber } from "../composition/settings.ts";

const course = { pageSize: z.optional(wholeNumber(1, 100)) };
const schema = createDocumentSchema({ course, user: {} }, { routed: { course: 5_000 } });
const faultsOf = (document: unknown): Record<string, string> => {
  const reading = readDocument(schema, document);
  if ("document" in reading) return {};
  return Object.fromEntries(reading.faults.map(({ path, message }) => [path, message]));
};

const route = { prefix: "/echo", upstream: "http://127.0.0.1:9999", access: "public" };
const routes = (...rows: unknown[]) => ({ gateway: { routes: rows } });
const publicKey = {
  kid: "a",
  kty: "OKP",
  crv: "Ed25519",
  alg: "EdDSA",
  use: "sig",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};

const accepted: Readonly<Record<string, unknown>> = {
  "nothing": {},
  "empty parts": { gateway: {}, services: {}, keys: {}, passport: {} },
  "a route": routes(route),
  "a prefix below another prefix": routes(route, { ...route, prefix: "/echo/more" }),
  "limits": {
    gateway: {
      limits: {
        person: { limit: 10, windowSeconds: 60 },
        routes: {
          "/auth/token": {
            limit: 3,
            windowSeconds: 60,
          },
        },
      },
    },
  },
  "a bounded route": { gateway: { revocation: { "/courses/{id}": { boundedMs: 500 } } } },
  "a timeout equal to the Passport's life": {
    gateway: { routes: [{ ...route, timeoutMs: 60_000 }], passportTtlSeconds: 60 },
  },
  "policies of services behind URLs": {
    gateway: {
      dependencies: {
        "api.example.com": { maxConcurrent: 8 },
        "127.0.0.1:9999": { maxConcurrent: 8 },
        "[::1]:9999": { maxConcurrent: 8 },
      },
    },
  },
  "a slowCallMs of at least the timeouts of its routes": {
    gateway: {
      routes: [{ ...route, timeoutMs: 30_000 }],
      dependencies: {
        "127.0.0.1:9999": { breaker: { slowCallMs: 30_000 } },
        course: { breaker: { slowCallMs: 5_000 } },
        elsewhere: { breaker: { slowCallMs: 1 } },
      },
    },
  },
  "a breaker": { services: { course: { dependencies: { user: { breaker: { openMs: 10 } } } } } },
  "a service's own setting": { services: { course: { pageSize: 7, logLevel: "debug" } } },
  "names of keys and dependencies that look like secrets": {
    gateway: { dependencies: { "auth-token": {}, "authorization.example.com": {} } },
    keys: { access: { "signing-key-2": "signing" }, passport: { "api-key-1": "signing" } },
  },
  "states of keys": {
    keys: { access: { a: "signing", b: "retired" }, passport: { c: "revoked" } },
  },
  "a signing key of each profile": {
    keys: { passport: { a: "signing", c: "signing" }, passportPublic: [publicKey] },
  },
  "public keys": { keys: { passportPublic: [publicKey] } },
  "profiles": { passport: { send: "shadow", accept: ["S", "A"], sendByRoute: { "/a/*": "A" } } },
};

for (const [what, document] of Object.entries(accepted)) {
  Deno.test(`a document with ${what} is accepted unchanged`, () => {
    assert.deepEqual(readDocument(schema, document), { document });
  });
}

const refused: Readonly<Record<string, readonly [document: unknown, path: string, why: RegExp]>> = {
  "a list instead of an object": [[], "", /type object/],
  "an unknown part": [{ gatway: {} }, "gatway", /unknown/],
  "an unknown setting": [{ gateway: { timeout: 1 } }, "gateway.timeout", /unknown/],
  "an unknown service": [{ services: { nobody: {} } }, "services.nobody", /unknown/],
  "another service's setting": [
    { services: { user: { pageSize: 7 } } },
    "services.user.pageSize",
    /unknown/,
  ],
  "a number as text": [
    { services: { course: { pageSize: "7" } } },
    "services.course.pageSize",
    /whole number from 1 to 100/,
  ],
  "an unknown log level": [{ gateway: { logLevel: "loud" } }, "gateway.logLevel", /debug or info/],
  "the same prefix twice": [routes(route, route), "gateway.routes.1.prefix", /twice/],
  "the same prefix with and without a trailing slash": [
    routes(route, { ...route, prefix: "/echo/" }),
    "gateway.routes.1.prefix",
    /twice/,
  ],
  "a route without an access rule": [
    routes({ ...route, access: undefined }),
    "gateway.routes.0.access",
    /must be "public"/,
  ],
  "a route without roles": [
    routes({ ...route, access: { roles: [] } }),
    "gateway.routes.0.access.roles",
    /empty/,
  ],
  "an upstream with a path": [
    routes({ ...route, upstream: "http://127.0.0.1:1/x" }),
    "gateway.routes.0.upstream",
    /origin/,
  ],
  "an upstream with a password": [
    routes({ ...route, upstream: "http://a:marker@127.0.0.1:1" }),
    "gateway.routes.0.upstream",
    /origin/,
  ],
  "an upstream of another protocol": [
    routes({ ...route, upstream: "ftp://127.0.0.1" }),
    "gateway.routes.0.upstream",
    /origin/,
  ],
  "a prefix with a dot segment": [
    routes({ ...route, prefix: "/a/../b" }),
    "gateway.routes.0.prefix",
    /whole segments/,
  ],
  "a prefix with an escape": [
    routes({ ...route, prefix: "/a%2fb" }),
    "gateway.routes.0.prefix",
    /whole segments/,
  ],
  "a prefix that the gateway serves itself": [
    routes({ ...route, prefix: "/readyz" }),
    "gateway.routes.0.prefix",
    /document of its own/,
  ],
  "a timeout above the default life of a Passport": [
    routes({ ...route, timeoutMs: 30_001 }),
    "gateway.routes.0.timeoutMs",
    /Passport's life/,
  ],
  "a timeout above its own passportTtlSeconds": [
    { gateway: { routes: [{ ...route, timeoutMs: 10_001 }], passportTtlSeconds: 10 } },
    "gateway.routes.0.timeoutMs",
    /Passport's life/,
  ],
  "a passportTtlSeconds that is too high": [
    { gateway: { passportTtlSeconds: 301 } },
    "gateway.passportTtlSeconds",
    /from 5 to 300/,
  ],
  "a boundedMs of zero": [
    { gateway: { revocation: { "/a": { boundedMs: 0 } } } },
    "gateway.revocation./a.boundedMs",
    /from 1/,
  ],
  "a revocation rule without a route's path": [
    { gateway: { revocation: { courses: "strict" } } },
    "gateway.revocation.courses",
    /path of a route/,
  ],
  "a rate limit of zero": [
    { gateway: { limits: { person: { limit: 0, windowSeconds: 1 } } } },
    "gateway.limits.person.limit",
    /from 1/,
  ],
  "a breaker out of bounds": [
    { gateway: { dependencies: { course: { breaker: { failureRatePercent: 101 } } } } },
    "gateway.dependencies.course.breaker.failureRatePercent",
    /./,
  ],
  "a slowCallMs below the timeout of its routes": [
    {
      gateway: {
        routes: [{ ...route, timeoutMs: 30_000 }, { ...route, prefix: "/soon", timeoutMs: 100 }],
        dependencies: { "127.0.0.1:9999": { breaker: { slowCallMs: 29_999 } } },
      },
    },
    "gateway.dependencies.127.0.0.1:9999.breaker.slowCallMs",
    /at least the longest timeoutMs of its routes, 30000/,
  ],
  "a slowCallMs below a route's default timeout": [
    {
      gateway: {
        routes: [{ ...route, upstream: "http://[::1]:9999" }],
        dependencies: { "[::1]:9999": { breaker: { slowCallMs: 4_999 } } },
      },
    },
    "gateway.dependencies.[::1]:9999.breaker.slowCallMs",
    /5000/,
  ],
  "a slowCallMs below the timeout of the product's routes": [
    { gateway: { dependencies: { course: { breaker: { slowCallMs: 4_999 } } } } },
    "gateway.dependencies.course.breaker.slowCallMs",
    /5000/,
  ],
  "a policy with a URL instead of a host": [
    { gateway: { dependencies: { "http://api.example.com": { maxConcurrent: 8 } } } },
    "gateway.dependencies.…",
    /host of a URL/,
  ],
  "two signing keys": [
    { keys: { access: { a: "signing", b: "signing" } } },
    "keys.access",
    /one key in state signing/,
  ],
  "two signing keys of one profile": [
    { keys: { passport: { b: "signing", c: "signing" }, passportPublic: [publicKey] } },
    "keys.passport",
    /one key in state signing/,
  ],
  "a profile that is sent and not accepted": [
    { passport: { sendByRoute: { "/a": "A" } } },
    "passport.accept",
    /decides/,
  ],
  "an unknown key state": [{ keys: { access: { a: "lost" } } }, "keys.access.a", /published or/],
  "a private key": [
    { keys: { passportPublic: [{ ...publicKey, d: "marker" }] } },
    "keys.passportPublic.0.d",
    /secrets/,
  ],
  "a shared key": [
    { keys: { passportPublic: [{ kid: "a", kty: "oct", k: "marker" }] } },
    "keys.passportPublic.0.k",
    /secrets/,
  ],
  "a secret": [{ services: { course: { apiKey: "marker" } } }, "services.course.apiKey", /secrets/],
  "a secret as the state of a key": [
    { keys: { access: { "api-key-1": "marker" } } },
    "keys.access.api-key-1",
    /published or/,
  ],
  "a token": [{ gateway: { redisToken: "marker" } }, "gateway.redisToken", /secrets/],
  "a deeply nested password": [
    { gateway: { dependencies: { db: { retry: { password: "marker" } } } } },
    "gateway.dependencies.db.retry.password",
    /secrets/,
  ],
  "no accepted profile": [{ passport: { accept: [] } }, "passport.accept", /empty/],
  "a duplicate profile": [{ passport: { accept: ["S", "S"] } }, "passport.accept", /once/],
  "a name that could be a value": [{ gateway: { "marker <b>": 1 } }, "gateway.…", /unknown/],
};

for (const [what, [document, path, why]] of Object.entries(refused)) {
  Deno.test(`a document with ${what} is refused with a path and a reason, and without the value`, () => {
    const faults = faultsOf(document);
    assert.match(faults[path] ?? JSON.stringify(faults), why);
    assert.ok(path in faults, JSON.stringify(faults));
    assert.ok(!JSON.stringify(faults).includes("marker"));
  });
}

Deno.test("an instance reads the settings that it supports and ignores those of a newer version", () => {
  const document = {
    gateway: { logLevel: "debug", newest: { a: 1 }, routes: [{ ...route, newest: true }] },
    services: { course: { logLevel: "warn", pageSize: 7 }, nobody: { logLevel: "error" } },
    keys: { access: { a: "retired" }, newest: {} },
    newest: 1,
  };
  const environment = { logLevel: "info", passportTtlSeconds: 30 } as const;
  const gateway = readGatewayValues(document, environment);
  assert.equal(gateway.logLevel, "debug");
  assert.equal(gateway.passportTtlSeconds, 30);
  assert.deepEqual(gateway.routes, [route]);
  assert.deepEqual(gateway.keys, { access: { a: "retired" } });
  const service = readServiceValues(document, "course", { logLevel: "info" });
  assert.deepEqual([service.logLevel, service.own], ["warn", { pageSize: 7 }]);
  assert.deepEqual(readOwn(course, { ...service.own, newest: 1 }, { pageSize: 20 }), {
    pageSize: 7,
  });
  assert.deepEqual(readOwn(course, {}, { pageSize: 20 }), { pageSize: 20 });
});

Deno.test("an instance refuses an invalid document as a whole", () => {
  const environment = { logLevel: "info", passportTtlSeconds: 30 } as const;
  for (
    const document of [
      { gateway: { logLevel: "loud" } },
      routes(route, route),
      { gateway: [] },
      { keys: { access: { a: "lost" } } },
    ]
  ) {
    assert.throws(() => readGatewayValues(document, environment), RangeError);
  }
  const service = { services: { course: { logLevel: "loud" } } };
  assert.throws(() => readServiceValues(service, "course", { logLevel: "info" }), RangeError);
  assert.equal(readServiceValues(service, "user", { logLevel: "info" }).logLevel, "info");
  assert.throws(() => readOwn(course, { pageSize: 0 }, { pageSize: 20 }), RangeError);
});

Deno.test("a slowCallMs below the timeout of its routes does not invalidate a current document", () => {
  const dependencies = { "127.0.0.1:9999": { breaker: { slowCallMs: 1_200 } } };
  const document = { gateway: { routes: [route], dependencies } };
  const environment = { logLevel: "info", passportTtlSeconds: 30 } as const;
  const values = readGatewayValues(document, environment);
  assert.deepEqual([values.routes, values.dependencies], [[route], dependencies]);
});

const environment = createDocumentSchema({}, {
  routes: [
    { prefix: "/slow", upstream: "http://127.0.0.1:9999", access: "public", timeoutMs: 30_000 },
    { prefix: "/soon", upstream: "http://127.0.0.1:9999", access: "public", timeoutMs: 100 },
  ],
});
const slow = (slowCallMs: number) => ({ "127.0.0.1:9999": { breaker: { slowCallMs } } });
const environmentCases = {
  "below the longest timeout is refused": [{ dependencies: slow(29_999) }, 30_000],
  "of the longest timeout is accepted": [{ dependencies: slow(30_000) }, undefined],
  "counts with the document's own routes": [
    { routes: [{ ...route, timeoutMs: 20_000 }], dependencies: slow(25_000) },
    30_000,
  ],
  "below a timeout that the document replaces is accepted": [
    { routes: [{ ...route, prefix: "/slow" }], dependencies: slow(5_000) },
    undefined,
  ],
  "below a timeout that the Passport's life shortens is accepted": [
    { passportTtlSeconds: 20, dependencies: slow(20_000) },
    undefined,
  ],
  "below the shortened timeout is refused": [
    { passportTtlSeconds: 20, dependencies: slow(19_999) },
    20_000,
  ],
} as const;
for (const [name, [gateway, timeoutMs]] of Object.entries(environmentCases)) {
  Deno.test(`a slowCallMs for the environment's routes: ${name}`, () => {
    const reading = readDocument(environment, { gateway });
    const faults = "faults" in reading ? reading.faults : [];
    assert.deepEqual(
      faults,
      timeoutMs === undefined ? [] : [{
        path: "gateway.dependencies.127.0.0.1:9999.breaker.slowCallMs",
        message: `must be at least the longest timeoutMs of its routes, ${timeoutMs}`,
      }],
    );
  });
}
