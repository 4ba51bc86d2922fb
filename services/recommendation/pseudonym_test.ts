import assert from "node:assert/strict";
import { createPseudonym } from "./recommender.ts";

const secret = Uint8Array.from({ length: 32 }, (_, at) => at * 7 % 256);
const trustDomain = "edgepass.test";

Deno.test("a pseudonym is the same for one person, in one trust domain, under one secret", async () => {
  const of = (options: Partial<Parameters<typeof createPseudonym>[0]>, sub = "user:1") =>
    createPseudonym({ secret, trustDomain, ...options })(sub);
  const [first, again, ...others] = await Promise.all([
    of({}),
    of({}),
    of({}, "user:2"),
    of({ trustDomain: "edgepass.example" }),
    of({ secret: secret.toReversed() }),
  ]);
  assert.equal(first, again);
  assert.equal(new Set([first, ...others]).size, 4);
});

Deno.test("a pseudonym stays the same in every release, so that the recommender recognises the person", async () => {
  // HKDF-SHA-256 without salt, then HMAC-SHA-256, computed by node:crypto.
  const { hkdfSync, createHmac } = await import("node:crypto");
  const info = `edgepass recommender pseudonym 1\0${trustDomain}`;
  const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), info, 32));
  const expected = createHmac("sha256", key).update("user:1").digest("base64url");
  assert.equal(await createPseudonym({ secret, trustDomain })("user:1"), expected);
});
