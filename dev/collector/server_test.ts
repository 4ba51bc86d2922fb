import assert from "node:assert/strict";
import { Refusal, toJsonResponse } from "./refusal.ts";
import { createServer } from "./server.ts";

const port = 8788;
const origin = `http://127.0.0.1:${port}`;

function setup() {
  const failures: unknown[] = [];
  const handled: string[] = [];
  const ask = (name: string) => (_request: Request, _url: URL, parameter: string) => {
    handled.push(`${name} ${parameter}`.trim());
    return toJsonResponse({ name });
  };
  const serve = createServer({
    port,
    routes: [
      { method: "GET", path: "/api/state", handle: ask("state") },
      { method: "GET", path: "/api/requests/:traceId", handle: ask("detail") },
      { method: "POST", path: "/v1/traces", handle: ask("traces") },
      {
        method: "GET",
        path: "/api/broken",
        handle: () => {
          throw new Error("a secret reason");
        },
      },
      {
        method: "GET",
        path: "/api/refused",
        handle: () => {
          throw new Refusal(400, "limit is invalid");
        },
      },
    ],
    page: () =>
      Promise.resolve({
        serve: (request) =>
          new URL(request.url).pathname === "/"
            ? new Response("<p>", { headers: { "content-type": "text/html" } })
            : undefined,
      }),
    onError: (cause) => failures.push(cause),
  });
  return {
    failures,
    handled,
    ask: (
      path: string,
      { host = `127.0.0.1:${port}`, ...headers }: Record<string, string> = {},
      method = "GET",
    ) => serve(new Request(origin + path, { method, headers: { host, ...headers } })),
  };
}

const admitted: Readonly<Record<string, Record<string, string>>> = {
  "its own address": {},
  "its name on this machine": { host: `localhost:${port}` },
  "its address of the other family": { host: `[::1]:${port}` },
  "its own page": { origin, "sec-fetch-site": "same-origin" },
  "a developer's address bar": { "sec-fetch-site": "none" },
};
for (const [what, headers] of Object.entries(admitted)) {
  Deno.test(`the dashboard serves ${what}`, async () => {
    const { ask, handled } = setup();
    assert.equal((await ask("/api/state", headers)).status, 200);
    assert.deepEqual(handled, ["state"]);
  });
}

const refused = {
  "a name that was rebound to loopback": [{ host: `evil.test:${port}` }, 421],
  "its address without its port": [{ host: "127.0.0.1" }, 421],
  "its address with another port": [{ host: "127.0.0.1:8787" }, 421],
  "its name with a dot": [{ host: `localhost.:${port}` }, 421],
  "a name that begins like its own": [{ host: `127.0.0.1:${port}.evil.test` }, 421],
  "no host": [{ host: "" }, 421],
  "another origin": [{ origin: "http://evil.test" }, 403],
  "the gateway's origin": [{ origin: "http://127.0.0.1:8787" }, 403],
  "its origin with another scheme": [{ origin: `https://127.0.0.1:${port}` }, 403],
  "its origin under its other name": [{ origin: `http://localhost:${port}` }, 403],
  "an origin that is hidden": [{ origin: "null" }, 403],
  "a page of another site": [{ "sec-fetch-site": "cross-site" }, 403],
  "a page of another port": [{ "sec-fetch-site": "same-site" }, 403],
  "an unknown Sec-Fetch-Site": [{ "sec-fetch-site": "x" }, 403],
} as const;
const reached = [["GET", "/api/state"], ["POST", "/v1/traces"], ["GET", "/"]] as const;
for (const [what, [headers, status]] of Object.entries(refused)) {
  Deno.test(`the dashboard refuses ${what} on every path`, async () => {
    for (const [method, path] of reached) {
      const { ask, handled } = setup();
      const response = await ask(path, headers, method);
      assert.equal(response.status, status);
      assert.equal(response.headers.get("access-control-allow-origin"), null);
      assert.deepEqual(handled, []);
      await response.text();
    }
  });
}

const methods = {
  "DELETE /api/state": "GET",
  "POST /api/state": "GET",
  "GET /v1/traces": "POST",
  "OPTIONS /v1/traces": "POST",
  "POST /": "GET, HEAD",
} as const;
for (const [what, allow] of Object.entries(methods)) {
  Deno.test(`${what} is 405 with the allowed methods`, async () => {
    const [method = "", path = ""] = what.split(" ");
    const response = await setup().ask(path, {}, method);
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), allow);
  });
}

Deno.test("a segment of the path becomes the parameter, and two segments do not", async () => {
  const { ask, handled } = setup();
  await ask("/api/requests/abc");
  assert.equal((await ask("/api/requests/abc/def")).status, 404);
  assert.equal((await ask("/api/requests")).status, 404);
  assert.deepEqual(handled, ["detail abc"]);
});

Deno.test("the page cannot be framed and loads nothing from other origins", async () => {
  const response = await setup().ask("/");
  assert.equal(
    response.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
      "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-type"), "text/html");
});

Deno.test("a refusal has its reason, and a fault shows no details", async () => {
  const { ask, failures } = setup();
  const response = await ask("/api/refused");
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { error: "limit is invalid" });
  const fault = await ask("/api/broken");
  assert.equal(fault.status, 500);
  assert.deepEqual(await fault.json(), { error: "Internal error" });
  assert.equal(failures.length, 1);
});
