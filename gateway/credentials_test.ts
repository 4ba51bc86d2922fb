import { cookieNames } from "@edgepass/shared/tokens";
import fc from "fast-check";
import assert from "node:assert/strict";
import { readCredentials } from "./credentials.ts";

const names = cookieNames("http://gateway.test");
const read = (headers: Record<string, string>) => readCredentials(new Headers(headers), names);

const name = fc.constantFrom(
  "access_token",
  "refresh_token",
  "Access_Token",
  '"access_token"',
  "__Host-access_token",
  "access%5ftoken",
  "other",
  "",
);
const value = fc.string({
  unit: fc.constantFrom("a", "Z", "9", "-", "_", ".", "=", '"', "%", " "),
  maxLength: 8,
});
const blank = fc.constantFrom("", " ", "\t", "  ");

Deno.test("cookies match by exact name, and each occurrence counts", () => {
  const cookies = fc.array(fc.tuple(name, value, blank, blank), { maxLength: 6 });
  fc.assert(
    fc.property(cookies, (all) => {
      const header = all.map(([key, text, before, after]) => `${before}${key}=${text}${after}`)
        .join(";");
      const { access, refreshCookies, cookie } = read({ cookie: header });
      const shown = all.filter(([key]) => key === "access_token").map(([, text]) => text.trim());
      const refresh = all.filter(([key]) => key === "refresh_token").map(([, text]) => text.trim());
      assert.deepEqual(refreshCookies, refresh);
      assert.equal(cookie, shown.length + refresh.length > 0);
      if (shown.length === 0) assert.equal(access.kind, "none");
      if (shown.length === 1) assert.deepEqual(access, { kind: "one", token: shown[0] });
      if (shown.length > 1) assert.equal(access.kind, "ambiguous");
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a Cookie header with any text is read without an error", () => {
  const byte = fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code));
  fc.assert(fc.property(fc.string({ unit: byte }), (cookie) => {
    read({ cookie });
  }));
});

const bearers: Readonly<Record<string, [header: string, token: string | undefined]>> = {
  "a bearer token": ["Bearer abc", "abc"],
  "the scheme in any case": ["bEaReR abc", "abc"],
  "several blanks": ["Bearer   abc", "abc"],
  "the scheme alone": ["Bearer", ""],
  "another scheme": ["Basic abc", undefined],
  "a scheme with bearer as its prefix": ["Bearerabc", undefined],
  "a token without a scheme": ["abc", undefined],
};

for (const [what, [authorization, token]] of Object.entries(bearers)) {
  Deno.test(`of Authorization, ${what} is read as ${JSON.stringify(token)}`, () => {
    const { access, bearer } = read({ authorization });
    assert.deepEqual(access, token === undefined ? { kind: "none" } : { kind: "one", token });
    assert.equal(bearer, token !== undefined);
  });
}

Deno.test("a no-break space is a part of a cookie's name", () => {
  assert.equal(read({ cookie: "\u00a0access_token=a" }).access.kind, "none");
});
