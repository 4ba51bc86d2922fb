import { Problem } from "@edgepass/shared/problem";
import fc from "fast-check";
import assert from "node:assert/strict";
import { readTarget } from "./target.ts";

const limits = { maxBytes: 8192, maxParameters: 200 };
const origin = "http://gateway.test";

/** The target, or the code of the refusal. */
function read(target: string, within = limits): string {
  try {
    return readTarget(origin + target, within).pathAndQuery;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

Deno.test("a target is split at the first question mark", () => {
  const { path, segments, pathAndQuery } = readTarget(`${origin}/a/b%20c/?x=/y/?z`, limits);
  assert.deepEqual([path, segments, pathAndQuery], [
    "/a/b%20c/",
    ["a", "b%20c", ""],
    "/a/b%20c/?x=/y/?z",
  ]);
  assert.equal(readTarget(origin, limits).pathAndQuery, "/");
});

Deno.test("any target is either refused or equal to what URL parses, byte for byte", () => {
  const character = fc.oneof(
    fc.constantFrom(..."/.%;?#&\\ab0'\"<>{}|^`~", "%2e", "%2F", "%25", "%C3%A9", "%00", ".."),
    fc.string({ unit: "binary", maxLength: 2 }),
  );
  const text = fc.array(character, { maxLength: 12 }).map((parts) => `/${parts.join("")}`);
  fc.assert(
    fc.property(text, (target) => {
      if (read(target) !== target) return assert.equal(read(target), "path_not_canonical");
      const url = new URL(origin + target);
      assert.ok(url.href === origin + target, target);
      for (const segment of url.pathname.split("/")) {
        assert.ok(!["", ".", ".."].includes(decodeURIComponent(segment)) || segment === "");
        assert.ok(!/[/\\\0]/.test(decodeURIComponent(segment)), target);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("an escape in a path is refused unless its character needs one", () => {
  for (let byte = 0; byte < 128; byte++) {
    const escape = `%${byte.toString(16).padStart(2, "0")}`;
    const char = String.fromCharCode(byte);
    const needless = /[A-Za-z0-9\-._~]/.test(char);
    const harmful = byte < 32 || byte === 127 || "/\\".includes(char);
    const expected = needless || harmful ? "path_not_canonical" : `/x${escape}y`;
    assert.equal(read(`/x${escape}y`), expected, escape);
  }
});

Deno.test("a target at its limits passes, and one over them is uri_too_long", () => {
  const within = { maxBytes: 10, maxParameters: 2 };
  assert.equal(read("/123456789", within), "/123456789");
  assert.equal(read("/1234567890", within), "uri_too_long");
  assert.equal(read("/?a&b", within), "/?a&b");
  assert.equal(read("/?a&b&c", within), "uri_too_long");
});
