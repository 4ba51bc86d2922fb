import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeBase64Url } from "./encoding.ts";
import { readSecret, requireDistinctSecrets } from "./secrets.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const text = (plain: string) => encodeBase64Url(new TextEncoder().encode(plain));
const row = (length: number, step: number) =>
  encodeBase64Url(Uint8Array.from({ length }, (_, at) => at * step + 7));

Deno.test("readSecret returns the bytes of random secrets of 32 bytes and more", () => {
  fc.assert(fc.property(fc.integer({ min: 32, max: 128 }), (length) => {
    const bytes = random(length);
    assert.deepEqual(readSecret(encodeBase64Url(bytes)), bytes);
  }));
});

Deno.test("readSecret accepts random hex digits written as text", () => {
  assert.ok(readSecret(text(random(32).toHex())) instanceof Uint8Array);
});

const block = random(16);
const refused = {
  "an empty text": ["", "32 bytes"],
  "31 bytes": [encodeBase64Url(random(31)), "32 bytes"],
  "padding": [`${encodeBase64Url(random(32))}=`, "base64url"],
  "plain base64": ["+".repeat(43), "base64url"],
  "the key of RFC 7515 §A.1": [
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "well-known",
  ],
  "the key of RFC 7520 §3.5": ["hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg", "well-known"],
  "the private key of RFC 8037 §A.1": [
    "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "well-known",
  ],
  "a debugger's default": [text("a-string-secret-at-least-256-bits-long"), "well-known"],
  "a placeholder in capitals": [text("REPLACE-ME 9f8e7d6c5b4a39281706 qwz"), "well-known"],
  "a placeholder as it stands": [
    `${"x".repeat(3)}changeme${encodeBase64Url(random(32))}A`.slice(0, 44),
    "well-known",
  ],
  "zeros": [encodeBase64Url(new Uint8Array(32)), "patterned"],
  "one byte": [encodeBase64Url(new Uint8Array(40).fill(0xa7)), "patterned"],
  "a repeated block": [encodeBase64Url(Uint8Array.of(...block, ...block)), "patterned"],
  "a repeated block, cut short": [
    encodeBase64Url(Uint8Array.of(...block, ...block, ...block.slice(0, 5))),
    "patterned",
  ],
  "0, 1, 2, …": [row(32, 1), "patterned"],
  "a row downwards": [row(32, -1), "patterned"],
  "a row by three": [row(64, 3), "patterned"],
  "nine different bytes": [
    encodeBase64Url(random(48).map((byte, at) => at < 9 ? at * 29 : (byte % 9) * 29)),
    "patterned",
  ],
} as const;
for (const [what, [secret, reason]] of Object.entries(refused)) {
  Deno.test(`readSecret refuses ${what}, and the reason does not contain it`, () => {
    const result = readSecret(secret);
    assert.ok("weak" in result);
    assert.ok(result.weak.includes(reason), result.weak);
    assert.ok(secret === "" || !result.weak.includes(secret));
  });
}

Deno.test("readSecret accepts a secret that only resembles a pattern", () => {
  const nearRepetition = Uint8Array.of(...block, ...block);
  nearRepetition[16]! ^= 1;
  const order = [
    3,
    1,
    4,
    1,
    5,
    9,
    2,
    6,
    5,
    3,
    5,
    8,
    9,
    7,
    9,
    3,
    2,
    3,
    8,
    4,
    6,
    2,
    6,
    4,
    3,
    3,
    8,
    0,
  ];
  const tenDifferent = Uint8Array.from([...order, 0, 2, 8, 8], (digit) => digit * 25 + 3);
  for (const bytes of [nearRepetition, tenDifferent]) {
    assert.deepEqual(readSecret(encodeBase64Url(bytes)), bytes);
  }
});

Deno.test("requireDistinctSecrets accepts different secrets", () => {
  const passport = [random(32), random(32)];
  const settings = { PASSPORT_KEYS: passport, REFRESH_TOKEN_KEY: [random(32)], NONE: [] };
  assert.doesNotThrow(() => requireDistinctSecrets(settings));
});

const shared = random(33);
const shares = {
  "the same bytes": [shared, Uint8Array.from(shared)],
  "bytes and their base64url": [shared, encodeBase64Url(shared)],
  "bytes and their base64": [shared, shared.toBase64()],
  "bytes and their base64 with a newline": [shared, `${shared.toBase64()}\n`],
  "one text": ["opaque+text/==", "opaque+text/"],
} as const;
for (const [what, [one, other]] of Object.entries(shares)) {
  Deno.test(`requireDistinctSecrets refuses ${what} under two names, naming both and no value`, () => {
    const settings = { A_KEY: [random(32), one], B_TOKEN: [other] };
    assert.throws(() => requireDistinctSecrets(settings), {
      name: "TypeError",
      message: "Cannot start: A_KEY and B_TOKEN share a secret",
    });
    assert.throws(() => requireDistinctSecrets({ A_KEY: [one, other] }), {
      message: "Cannot start: A_KEY has one secret twice",
    });
  });
}
