import assert from "node:assert/strict";
import fc from "fast-check";
import { Problem } from "@edgepass/shared/problem";
import { findArgon2id, nativeArgon2id, portableArgon2id } from "./argon2.ts";
import { createPasswordHasher, defaultCost } from "./hasher.ts";
import { readPhc, writePhc } from "./phc.ts";
import { commonPasswords, findPasswordFault, normalisePassword } from "./policy.ts";

const cheap = { m: 8, t: 1, p: 1 };
const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("Argon2id returns the same bytes natively and in JavaScript", async () => {
  const costs = [cheap, { m: 64, t: 3, p: 1 }, { m: 64, t: 2, p: 4 }, defaultCost];
  for (const [at, cost] of costs.entries()) {
    const input = { password: bytesOf(`pässwörd ${at}`), salt: bytesOf("salt of 16 bytes"), cost };
    const native = await nativeArgon2id.derive({ ...input, bytes: 32 });
    const portable = await portableArgon2id.derive({ ...input, bytes: 32 });
    assert.equal(native.toHex(), portable.toHex());
  }
});

// RFC 9106 §5.3 has a secret and associated data, which Web Crypto lacks; this is the reference
// implementation's own test: t=2, m=65536, p=1, "password", "somesalt".
Deno.test("Argon2id agrees with the reference implementation [RFC 9106]", async () => {
  const derived = await nativeArgon2id.derive({
    password: bytesOf("password"),
    salt: bytesOf("somesalt"),
    cost: { m: 65536, t: 2, p: 1 },
    bytes: 32,
  });
  assert.equal(derived.toHex(), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
});

Deno.test("findArgon2id() chooses the native one where it works", async () => {
  assert.equal((await findArgon2id()).kind, "native");
});

Deno.test("a hash is a PHC string at OWASP's cost with a salt of its own", async () => {
  const hasher = createPasswordHasher();
  const [one, two] = await Promise.all([hasher.hash("a password"), hasher.hash("a password")]);
  assert.match(
    one ?? "",
    /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
  );
  assert.notEqual(one, two);
  assert.equal(hasher.isOutdated(one ?? ""), false);
  assert.equal(createPasswordHasher({ cost: cheap }).isOutdated(one ?? ""), true);
});

Deno.test("verify() is true for the exact password only, and false without a stored one", async () => {
  const hasher = createPasswordHasher({ cost: cheap });
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "grapheme" }),
      async (a, b) => {
        const phc = await hasher.hash(a);
        assert.equal(await hasher.verify(a, phc), true);
        const same = normalisePassword(a) === normalisePassword(b);
        assert.equal(await hasher.verify(b, phc), same);
        assert.equal(await hasher.verify(a, null), false);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("a full hasher refuses and never queues, and continues when there is room", async () => {
  const gate = Promise.withResolvers<void>();
  const hasher = createPasswordHasher({
    maxConcurrent: 2,
    argon2id: {
      kind: "portable",
      derive: async ({ bytes }) => {
        await gate.promise;
        return new Uint8Array(bytes);
      },
    },
  });
  const running = [hasher.hash("one"), hasher.verify("two", null)];
  const isRefusal = (error: unknown) =>
    error instanceof Problem && error.status === 503 && error.headers["retry-after"] === "1";
  await assert.rejects(hasher.hash("three"), isRefusal);
  await assert.rejects(hasher.verify("three", null), isRefusal);
  gate.resolve();
  await Promise.all(running);
  await hasher.hash("three");
});

Deno.test("PHC strings survive a round trip", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(fc.property(bytes(16), bytes(32), fc.integer({ min: 8, max: 1e6 }), (salt, hash, m) => {
    const stored = {
      cost: { m, t: 2, p: 1 },
      salt: new Uint8Array(salt),
      hash: new Uint8Array(hash),
    };
    assert.deepEqual(readPhc(writePhc(stored)), stored);
  }));
});

for (
  const text of ["", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$2b$10$x"]
) {
  Deno.test(`readPhc() refuses ${JSON.stringify(text)} without repeating it`, () => {
    assert.throws(() => readPhc(text), (error) => {
      return error instanceof TypeError && (text === "" || !error.message.includes(text));
    });
  });
}

Deno.test("the list of common passwords contains only those that the other rules accept", () => {
  assert.ok(commonPasswords.size >= 200);
  for (const password of commonPasswords) {
    assert.ok(password.length >= 8 && password === password.toLowerCase(), password);
    assert.ok(findPasswordFault(password.toUpperCase(), "a@b.example"), password);
  }
});

Deno.test("length is counted in code points after normalisation", () => {
  const email = "learner@example.com";
  assert.equal(findPasswordFault("🙂🙃😀😁😂😃😄😅", email), undefined);
  assert.notEqual(findPasswordFault("🙂🙃😀😁", email), undefined);
  // U+FDFA is one code point that NFKC turns into eighteen.
  assert.equal(findPasswordFault("\ufdfa", email), undefined);
  assert.equal(findPasswordFault("ab".repeat(64), email), undefined);
  assert.notEqual(findPasswordFault("ab".repeat(64) + "c", email), undefined);
});
