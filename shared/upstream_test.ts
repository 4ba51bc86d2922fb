import assert from "node:assert/strict";
import * as z from "zod/mini";
import { localUpstream, toUpstream, upstreamSetting, urlUpstream } from "./upstream.ts";

function setup(make: () => Response = () => new Response("ok")) {
  const calls: (readonly [Request, RequestInit | undefined])[] = [];
  const fetch = (input: RequestInfo | URL, init?: RequestInit) => {
    calls.push([new Request(input), init]);
    return Promise.resolve(make());
  };
  return { calls, upstream: urlUpstream("http://course.test:8080", fetch) };
}

Deno.test("urlUpstream fetches from its origin and follows no redirect [P10]", async () => {
  const { calls, upstream } = setup();
  assert.equal(upstream.origin, "http://course.test:8080");
  const response = await upstream.fetch(new Request("http://course.test:8080/a?b"));
  assert.equal(await response.text(), "ok");
  assert.equal(calls[0]?.[0].url, "http://course.test:8080/a?b");
  assert.deepEqual(calls[0]?.[1], { redirect: "manual" });
});

const elsewhere = [
  "https://course.test:8080/",
  "http://course.test/",
  "http://course.test:8081/",
  "http://evil.test/",
  "http://course.test:8080.evil.test/",
];
for (const url of elsewhere) {
  Deno.test(`urlUpstream sends nothing to ${url} [H05]`, async () => {
    const { calls, upstream } = setup();
    await assert.rejects(async () => await upstream.fetch(new Request(url)), TypeError);
    assert.equal(calls.length, 0);
  });
}

const codings = { gzip: null, br: null, deflate: "deflate", zstd: "zstd", identity: "identity" };
for (const [coding, left] of Object.entries(codings)) {
  Deno.test(`urlUpstream leaves ${left ?? "no"} content-encoding after ${coding} [M5]`, async () => {
    const headers = { "content-encoding": coding, "content-length": "20", etag: '"x"' };
    const { upstream } = setup(() => new Response("body", { status: 203, headers }));
    const response = await upstream.fetch(new Request("http://course.test:8080/"));
    assert.equal(response.headers.get("content-encoding"), left);
    assert.equal(response.headers.get("content-length"), left === null ? null : "20");
    assert.equal(response.headers.get("etag"), '"x"');
    assert.equal(response.status, 203);
    assert.equal(await response.text(), "body");
  });
}

Deno.test("urlUpstream keeps the headers of an answer without body [M5]", async () => {
  const headers = { "content-encoding": "gzip", "content-length": "20" };
  const { upstream } = setup(() => new Response(null, { status: 304, headers }));
  const response = await upstream.fetch(new Request("http://course.test:8080/"));
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(response.headers.get("content-length"), "20");
});

Deno.test("localUpstream hands the request on, under a name no network knows", async () => {
  const upstream = localUpstream("COURSE", { fetch: (request) => new Response(request.url) });
  assert.equal(upstream.origin, "http://course.internal");
  const response = await upstream.fetch(new Request(`${upstream.origin}/x`));
  assert.equal(await response.text(), "http://course.internal/x");
});

Deno.test("upstreamSetting takes an origin or a binding, and toUpstream makes it one", async () => {
  const binding = { fetch: () => new Response("bound") };
  assert.equal(z.parse(upstreamSetting, binding), binding);
  assert.equal(toUpstream("X", "https://a.test/").origin, "https://a.test");
  const upstream = toUpstream("X", binding);
  assert.equal(await (await upstream.fetch(new Request("http://x.internal/"))).text(), "bound");
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
