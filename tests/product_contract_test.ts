import assert from "node:assert/strict";
import {
  createEnvironment,
  dataOf,
  type Environment,
  outcomeOf,
  password,
} from "./suite/product_environment.ts";
import { isObject, type Json } from "./support/json.ts";
import { targets } from "./targets.ts";

/** Lists of the product, and the user who may read each. */
const lists = {
  "/courses": () => ({}),
  "/auth/accounts": ({ admin }) => ({ bearer: admin.token }),
  "/enrollments": ({ learner }) => ({ bearer: learner.token }),
} as const satisfies Record<string, (environment: Environment) => { bearer?: string }>;

const misfits = [
  ...["0", "101", "-1", "1.5", "1e1", "0x10", "%205", "", "many", "1&limit=2"].map((text) =>
    `limit=${text}`
  ),
  ...["", "%21", "WyJ4Il0", "a".repeat(600)].map((text) => `cursor=${text}`),
];

const documents = ["/.well-known/jwks.json", "/openapi.json", "/docs", "/livez", "/readyz"];

/** The promises of the HTTP table for every operation of a kind. */
const promises: Readonly<Record<string, (environment: Environment) => Promise<void>>> = {
  async "a list takes a limit from 1 to 100 and its own cursors"(environment) {
    for (const [path, by] of Object.entries(lists)) {
      const send = (query: string) =>
        environment.send({ path: `${path}?${query}`, ...by(environment) });
      for (const query of misfits) {
        // A cursor with a string position may be valid for a list sorted by ids.
        if (query === "cursor=WyJ4Il0" && path === "/auth/accounts") continue;
        assert.equal(await outcomeOf(send(query)), "422 validation_failed", `${path}?${query}`);
      }
      for (const query of ["limit=1", "limit=100"]) {
        const { items, nextCursor } = await dataOf(send(query));
        assert.ok(Array.isArray(items) && items.length >= 1, path);
        if (typeof nextCursor !== "string") continue;
        assert.match(nextCursor, /^[A-Za-z0-9_-]+$/);
        const next = await dataOf(send(`limit=1&cursor=${nextCursor}`));
        assert.notDeepEqual(next.items, items, path);
      }
    }
  },

  async "HEAD of the gateway's own documents gets the response of GET, without the body"(
    environment,
  ) {
    for (const path of documents) {
      const [get, head] = [
        await environment.send({ path }),
        await environment.send({ method: "HEAD", path }),
      ];
      assert.ok((await get.text()).length > 0, path);
      assert.equal(await head.text(), "", path);
      assert.equal(head.status, get.status, path);
      for (const name of ["content-type", "cache-control", "etag", "vary"]) {
        assert.equal(head.headers.get(name), get.headers.get(name), `${name} of ${path}`);
      }
    }
  },

  async "an unknown field is refused by its name, and what is no name is not repeated"(
    environment,
  ) {
    const body = { "name": "A", "roles": ["admin"], "<b>": 1 };
    const response = await environment.send({
      method: "PATCH",
      path: "/users/me",
      bearer: environment.learner.token,
      body,
    });
    assert.equal(response.status, 422);
    const { error } = await read(response);
    assert.ok(isObject(error));
    const unknown = (path: string) => ({ path, message: "Unknown field" });
    assert.deepEqual(error.details, [unknown("roles"), unknown("")]);
  },

  async "the lifetimes of tokens and cookies equal the settings"(environment) {
    const { ACCESS_TOKEN_TTL_SECONDS, REFRESH_TOKEN_TTL_SECONDS } = environment.target.settings;
    const [access, refresh] = [ACCESS_TOKEN_TTL_SECONDS ?? "600", REFRESH_TOKEN_TTL_SECONDS];
    const { email } = environment.other;
    const body = { grantType: "password", email, password };
    const tokens = await dataOf(environment.send({ method: "POST", path: "/auth/token", body }));
    assert.equal(tokens.expiresIn, Number(access));
    const login = { method: "POST", path: "/auth/login", body: { email, password } };
    const response = await environment.send(login);
    await response.body?.cancel();
    const ages = response.headers.getSetCookie().map((line) => /Max-Age=(\d+)/.exec(line)?.[1]);
    assert.deepEqual(ages, [access, refresh ?? "1209600"]);
  },

  async "problem details have the envelope's members, and successes stay in the envelope"(
    environment,
  ) {
    const headers = { accept: "application/problem+json" };
    const request = { method: "POST", path: "/auth/signup", body: { email: 1 } };
    const { error } = await read(await environment.send(request));
    const response = await environment.send({ ...request, headers });
    const { traceId, ...problem } = await read(response);
    assert.ok(isObject(error));
    assert.equal(traceId, response.headers.get("x-trace-id"));
    assert.deepEqual(problem, {
      type: "urn:problem:validation_failed",
      title: "Input does not fit",
      status: 422,
      detail: error.message,
      code: error.code,
      errors: error.details,
    });
    await dataOf(environment.send({ path: "/courses", headers }));
  },

  async "a client that has the key set gets 304"(environment) {
    const path = "/.well-known/jwks.json";
    const etag = (await drain(environment.send({ path }))).headers.get("etag") ?? "";
    for (const validator of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const response = await drain(
        environment.send({ path, headers: { "if-none-match": validator } }),
      );
      assert.deepEqual([response.status, response.headers.get("etag")], [304, etag], validator);
    }
    const other = await drain(environment.send({ path, headers: { "if-none-match": '"other"' } }));
    assert.equal(other.status, 200);
  },
};

async function read(response: Response): Promise<Json> {
  const envelope: unknown = await response.json();
  assert.ok(isObject(envelope));
  return envelope;
}

async function drain(pending: Promise<Response>): Promise<Response> {
  const response = await pending;
  await response.body?.cancel();
  return response;
}

Deno.test("the promises of the HTTP table hold", async (t) => {
  await using target = await targets["Deno, all in one"]();
  const environment = await createEnvironment(target);
  for (const [what, run] of Object.entries(promises)) await t.step(what, () => run(environment));
});
