import assert from "node:assert/strict";
import { randomToken } from "./ids.ts";

Deno.test("randomToken returns the requested number of bytes, and never the same twice", () => {
  for (const bytes of [16, 32]) {
    const tokens = Array.from({ length: 100 }, () => randomToken(bytes));
    assert.equal(new Set(tokens).size, 100);
    assert.ok(tokens.every((token) => token.length === Math.ceil(bytes * 8 / 6)));
  }
});
