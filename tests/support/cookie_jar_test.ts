import assert from "node:assert/strict";
import { createCookieJar } from "./cookie_jar.ts";

function responseWith(...cookies: string[]): Response {
  return new Response(null, { headers: cookies.map((cookie) => ["set-cookie", cookie]) });
}

const sent = {
  "a session cookie": ["https://a.test", ["s=1; Path=/"], "/x", "s=1"],
  "several, the longest path first": [
    "https://a.test",
    ["a=1; Path=/", "b=2; Path=/x"],
    "/x/y",
    "b=2; a=1",
  ],
  "the newest value": ["https://a.test", ["s=1; Path=/", "s=2; Path=/"], "/", "s=2"],
  "a __Host- cookie on https": [
    "https://a.test",
    ["__Host-s=1; Path=/; Secure"],
    "/",
    "__Host-s=1",
  ],
} as const;
for (const [what, [origin, cookies, path, header]] of Object.entries(sent)) {
  Deno.test(`the jar sends ${what}`, () => {
    const jar = createCookieJar(origin);
    jar.store(responseWith(...cookies), "/");
    assert.equal(jar.header(path), header);
  });
}

const withheld = {
  "a Secure cookie from plain http": ["http://a.test", "s=1; Path=/; Secure", "/"],
  "a __Host- cookie without Secure": ["https://a.test", "__Host-s=1; Path=/", "/"],
  "a __Host- cookie with a path": ["https://a.test", "__Host-s=1; Path=/x; Secure", "/x"],
  "a cookie for another path": ["https://a.test", "s=1; Path=/x", "/xy"],
  "a cookie for other hosts too": ["https://a.test", "s=1; Path=/; Domain=a.test", "/"],
  "a cookie with Max-Age=0": ["https://a.test", "s=1; Path=/; Max-Age=0", "/"],
  "a cookie whose Expires is past": [
    "https://a.test",
    "s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "/",
  ],
} as const;
for (const [what, [origin, cookie, path]] of Object.entries(withheld)) {
  Deno.test(`the jar does not send ${what}`, () => {
    const jar = createCookieJar(origin);
    jar.store(responseWith(cookie), "/");
    assert.equal(jar.header(path), undefined);
  });
}

Deno.test("the jar drops a cookie at the end of its Max-Age", () => {
  let time = 0;
  const jar = createCookieJar("https://a.test", { now: () => time });
  jar.store(responseWith("s=1; Path=/; Max-Age=2"), "/");
  time = 1_999;
  assert.equal(jar.get("s"), "1");
  time = 2_000;
  assert.equal(jar.get("s"), undefined);
});
