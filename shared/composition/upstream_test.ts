import assert from "node:assert/strict";
import * as z from "zod/mini";
import { startUnansweringServer } from "../../tests/support/unanswering_server.ts";
import {
  localUpstream,
  placeUpstream,
  sentOnce,
  upstreamSetting,
  urlUpstream,
} from "./upstream.ts";

function setup(make: () => Response = () => new Response("ok")) {
  const calls: (readonly [url: string, RequestInit | undefined])[] = [];
  const fetch = (input: RequestInfo | URL, init?: RequestInit) => {
    calls.push([String(input), init]);
    return Promise.resolve(make());
  };
  return { calls, upstream: urlUpstream("http://course.test:8080", fetch) };
}

Deno.test("urlUpstream fetches from its origin and follows no redirect [P10]", async () => {
  const { calls, upstream } = setup();
  const response = await upstream.fetch("/a?b", { method: "PUT", redirect: "follow" });
  assert.equal(await response.text(), "ok");
  assert.deepEqual(calls, [["http://course.test:8080/a?b", { method: "PUT", redirect: "manual" }]]);
});

const elsewhere = ["//evil.test/", "@evil.test/", ":8081/", ".evil.test/", "http://evil.test/", ""];
for (const target of elsewhere) {
  Deno.test(`an upstream sends nothing for the target ${JSON.stringify(target)} [H05]`, async () => {
    const { calls, upstream } = setup();
    await assert.rejects(upstream.fetch(target), TypeError);
    const local = localUpstream("x", { fetch: () => assert.fail("was called") });
    await assert.rejects(local.fetch(target), TypeError);
    assert.equal(calls.length, 0);
  });
}

const codings = { gzip: null, br: null, deflate: "deflate", zstd: "zstd", identity: "identity" };
for (const [coding, left] of Object.entries(codings)) {
  Deno.test(`urlUpstream leaves ${left ?? "no"} content-encoding after ${coding} [M5]`, async () => {
    const headers = { "content-encoding": coding, "content-length": "20", etag: '"x"' };
    const { upstream } = setup(() => new Response("body", { status: 203, headers }));
    const response = await upstream.fetch("/");
    assert.equal(response.headers.get("content-encoding"), left);
    assert.equal(response.headers.get("content-length"), left === null ? null : "20");
    assert.equal(response.headers.get("etag"), '"x"');
    assert.equal(response.status, 203);
    assert.equal(await response.text(), "body");
  });
}

Deno.test("urlUpstream keeps the headers of a response without body [M5]", async () => {
  const headers = { "content-encoding": "gzip", "content-length": "20" };
  const { upstream } = setup(() => new Response(null, { status: 304, headers }));
  const response = await upstream.fetch("/");
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("content-length"), "20");
});

const locations = {
  "http://course.test:8080/a?b": "/a?b",
  "http://course.test:8080.evil.test/a": "http://course.test:8080.evil.test/a",
  "https://elsewhere.test/": "https://elsewhere.test/",
  "/a": "/a",
};
for (const [location, handedBack] of Object.entries(locations)) {
  Deno.test(`urlUpstream returns a redirect to ${location} as ${handedBack} [H10]`, async () => {
    const { upstream } = setup(() => new Response(null, { status: 302, headers: { location } }));
    const response = await upstream.fetch("/");
    assert.deepEqual([response.status, response.headers.get("location")], [302, handedBack]);
  });
}

Deno.test("localUpstream passes the request on, under a name that no DNS resolves", async () => {
  const upstream = localUpstream("COURSE", {
    fetch: ({ url, redirect }) => new Response(`${url} ${redirect}`),
  });
  const response = await upstream.fetch("/x", { redirect: "follow" });
  assert.equal(await response.text(), "http://course.internal/x manual");
});

Deno.test("upstreamSetting accepts an origin or a binding, and placeUpstream turns it into an upstream", async () => {
  const binding = { fetch: () => new Response("bound") };
  assert.equal(z.parse(upstreamSetting, binding), binding);
  const upstream = placeUpstream("X", binding);
  assert.equal(await (await upstream.fetch("/")).text(), "bound");
  for (const text of ["http://a.test", "http://a.test/", "https://a.test:8443"]) {
    assert.ok(z.safeParse(upstreamSetting, text).success, text);
  }
  const refused = [
    "",
    "a.test",
    "ftp://a.test",
    "http://a.test/x",
    "http://a.test/?q",
    "http://u:p@a.test",
    "http://a.test/#f",
    null,
    1,
    {},
    { fetch: 1 },
  ];
  for (const value of refused) {
    assert.equal(z.safeParse(upstreamSetting, value).success, false, JSON.stringify(value));
  }
});

Deno.test("a setting takes precedence over a local service, and one of them is required", () => {
  const local = localUpstream("X", { fetch: () => new Response() });
  assert.equal(placeUpstream("X", undefined, local), local);
  assert.notEqual(placeUpstream("X", "http://a.test", local), local);
  assert.throws(() => placeUpstream("X", undefined), {
    name: "ConfigError",
    message: "Cannot start: X is missing",
  });
});

const bodies = {
  "a text": [{ body: "é" }, "content-length: 2"],
  "bytes": [{ body: new Uint8Array(3) }, "content-length: 3"],
  "no body": [{}, "transfer-encoding: chunked"],
} as const;
for (const method of ["POST", "PATCH"]) {
  for (const [what, [init, framing]] of Object.entries(bodies)) {
    Deno.test(`a ${method} with ${what} is sent once when the connection closes without a response`, async () => {
      await using server = startUnansweringServer();
      const { seen, origin } = server;
      await assert.rejects(
        urlUpstream(origin).fetch("/x", sentOnce({ ...init, method })),
        TypeError,
      );
      assert.equal(seen.length, 1);
      assert.ok(seen[0]?.includes(framing), String(seen[0]));
    });
  }
}

Deno.test("all other request options stay unchanged", async () => {
  const headers = { "content-type": "application/json" };
  const request = new Request("http://a.test/", sentOnce({ method: "post", headers, body: "{}" }));
  assert.equal(request.headers.get("content-type"), "application/json");
  assert.equal(await request.text(), "{}");
  const stream = new Blob(["x"]).stream();
  assert.equal(sentOnce({ method: "POST", body: stream }).body, stream);
  const put = { method: "PUT", body: "x" };
  assert.equal(sentOnce(put), put);
});
