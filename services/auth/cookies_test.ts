import assert from "node:assert/strict";
import fc from "fast-check";
import { readCookies } from "./routes/http_helpers.ts";

const name = "refresh_token";
const headers: Record<string, string[]> = {
  "refresh_token=a": ["a"],
  "x=1; refresh_token=a; y=2": ["a"],
  "x=1;refresh_token=a;y=2": ["a"],
  "refresh_token=a; refresh_token=b": ["a", "b"],
  "refresh_token=": [""],
  "refresh_token=a=b": ["a=b"],
  'refresh_token="a"': ['"a"'],
  "refresh_token=%61": ["%61"],
  "refresh_token": [],
  "Refresh_Token=a": [],
  "refresh_token =a": [],
  "%72efresh_token=a": [],
  '"refresh_token"=a': [],
  "\u00a0refresh_token=a": [],
  "__Host-refresh_token=a": [],
  "x=refresh_token=a": [],
  "": [],
};
for (const [header, values] of Object.entries(headers)) {
  Deno.test(`readCookies() finds ${values.length} in ${JSON.stringify(header)}`, () => {
    assert.deepEqual(readCookies(header, name), values);
  });
}

Deno.test("readCookies() returns every value unchanged, and all of them", () => {
  const value = fc.stringMatching(/^[A-Za-z0-9_-]{0,43}$/);
  const other = fc.constantFrom("a=1", "refresh_tokens=1", "access_token=x", "junk", "");
  fc.assert(fc.property(fc.array(fc.oneof(value.map((v) => ({ v })), other)), (parts) => {
    const header = parts.map((part) => typeof part === "string" ? part : `${name}=${part.v}`).join(
      "; ",
    );
    const wanted = parts.flatMap((part) => typeof part === "string" ? [] : [part.v]);
    assert.deepEqual(readCookies(header, name), wanted);
  }));
});
