import assert from "node:assert/strict";
import { routes } from "@edgepass/app/routes";
import { encodeBase64Url } from "@edgepass/shared/crypto";
import { isObject, objectAt } from "../support/json.ts";
import type { Fetch } from "../targets.ts";
import { unknownId } from "./product_operations.ts";
import type { ProductCase } from "./product_revocation.ts";
import type { Environment } from "./product_environment.ts";

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Passports that every service must refuse, by their defect. */
const forged: Readonly<Record<string, (environment: Environment) => string | Promise<string>>> = {
  "garbage": () => "garbage",
  "an access token": ({ admin }) => admin.token,
  "another typ": ({ mint }) => mint.passport({}, { typ: "at+jwt" }),
  "another key under our kid": ({ mint }) =>
    mint.passport({}, { secret: encodeBase64Url(crypto.getRandomValues(new Uint8Array(32))) }),
  "another trust domain": ({ mint }) => mint.passport({ aud: "edgepass.example" }),
  "another issuer": ({ mint }) => mint.passport({ iss: "https://evil.example" }),
  "an expired Passport": ({ mint }) =>
    mint.passport({ iat: nowSeconds() - 60, exp: nowSeconds() - 30 }),
  "no exp": ({ mint }) => mint.passport({ exp: undefined }),
  "another policy": ({ mint }) => mint.passport({ pv: "1.0.0" }),
  "company": async ({ mint }) => `${await mint.passport()}, ${await mint.passport()}`,
};

/** Routes that are not in a service's document, for other services only. */
const internal = [
  ["GET", "/internal/accounts/me"],
  ["DELETE", "/internal/accounts/me"],
  ["GET", `/internal/accounts/${unknownId}`],
  ["POST", "/internal/revocations/refill"],
  ["GET", "/no/such/route"],
] as const;

/** Operations that a pipeline may call with a client's token; an API key may call none. */
const forPrograms = ["/admin/configuration"];

export const productDirect: Readonly<Record<string, ProductCase>> = {
  async "[P03] a service reached directly refuses every request without a Passport"(environment) {
    for (const [name, fetch] of servicesOf(environment)) {
      for (const [method, path] of [...await readOperations(name, fetch), ...internal]) {
        if (path === "/.well-known/jwks.json") continue;
        await expectRefusal(fetch, { method, path }, "passport_required");
        const bearer = { authorization: `Bearer ${environment.admin.token}` };
        await expectRefusal(fetch, { method, path, headers: bearer }, "passport_required");
      }
    }
  },

  async "[P03, P04] a service reached directly refuses a forged Passport"(environment) {
    for (const [name, fetch] of servicesOf(environment)) {
      const [[method, path] = ["GET", "/"]] = (await readOperations(name, fetch))
        .filter(([, path]) => path !== "/.well-known/jwks.json");
      for (const [what, make] of Object.entries(forged)) {
        const headers = { "x-passport": await make(environment) };
        await expectRefusal(fetch, { method, path, headers }, "passport_invalid", what);
      }
    }
  },

  async "a client with a person's id and every role is refused where a person is required"(
    environment,
  ) {
    const { admin, mint } = environment;
    const roles = ["learner", "instructor", "admin"];
    const client = { pv: "0.1.1", sid: undefined, uv: undefined, roles };
    const passport = await mint.passport({ ...client, sub: `client:acme:${admin.id}` });
    const key = await mint.passport({ ...client, sub: `key:${admin.id}` });
    const table = new Map(Object.entries(routes));
    let refused = 0;
    for (const [name, fetch] of servicesOf(environment)) {
      for (const [method, path, template] of await readOperations(name, fetch)) {
        const access = table.get(template)?.access ?? {};
        const rule = new Map(Object.entries(access)).get(method);
        if (
          rule === "public" || rule === "optional" ||
          forPrograms.some((start) => template.startsWith(start))
        ) continue;
        for (const value of [passport, key]) {
          const headers = { "x-passport": value };
          const response = await fetch(path, { method, headers });
          const { code } = await response.json();
          assert.deepEqual([response.status, code], [403, "forbidden"], `${method} ${path}`);
          refused++;
        }
      }
    }
    // In one program no service can be reached without the gateway.
    assert.ok(refused > 40 || servicesOf(environment).length === 0, String(refused));
  },

  async "every operation of a service's document is in the route table, and the reverse"(
    environment,
  ) {
    for (const [name, fetch] of servicesOf(environment)) {
      const described = (await readOperations(name, fetch)).map(([method, , template]) =>
        `${method} ${template}`
      );
      const routed = Object.entries(routes)
        .filter(([, { service }]) => service === name.toUpperCase())
        .flatMap(([path, { access }]) => Object.keys(access).map((method) => `${method} ${path}`));
      assert.deepEqual(described.toSorted(), routed.toSorted(), name);
    }
  },

  async "health and the document of a service are open"(environment) {
    for (const [name, fetch] of servicesOf(environment)) {
      for (const path of ["/livez", "/readyz", "/openapi.json"]) {
        const response = await fetch(path);
        await response.body?.cancel();
        assert.equal(response.status, 200, `${name} ${path}`);
      }
    }
  },
};

function servicesOf({ target }: Environment): [string, Fetch][] {
  return Object.entries(target.services);
}

type Operation = readonly [method: string, path: string, template: string];

async function readOperations(name: string, fetch: Fetch): Promise<Operation[]> {
  const document: unknown = await (await fetch("/openapi.json")).json();
  assert.ok(isObject(document), name);
  const operations = Object.entries(objectAt(document, "paths")).flatMap(([template, item]) => {
    const path = template.replaceAll(/\{\w+\}/g, unknownId);
    const methods = isObject(item) ? Object.keys(item) : [];
    return methods.map((method): Operation => [method.toUpperCase(), path, template]);
  });
  assert.ok(operations.length > 0, name);
  return operations;
}

/**
 * A service reached directly responds with problem details, whatever the client accepts (RFC 9457).
 */
async function expectRefusal(
  fetch: Fetch,
  { method, path, headers = {} }: { method: string; path: string; headers?: HeadersInit },
  code: string,
  what = "",
): Promise<void> {
  const about = `${what} ${method} ${path}`;
  const response = await fetch(path, { method, headers });
  const text = await response.text();
  assert.equal(response.status, 401, `${about}: ${text}`);
  assert.equal(response.headers.get("content-type"), "application/problem+json", about);
  assert.equal(response.headers.get("cache-control"), "no-store", about);
  assert.deepEqual([JSON.parse(text).code, JSON.parse(text).type], [code, `urn:problem:${code}`]);
}
