import assert from "node:assert/strict";
import fc from "fast-check";
import * as z from "zod/mini";
import { commaList, ConfigError, integer, json, origin, readConfig } from "./settings.ts";
import { upstreamSetting } from "./upstream.ts";

const Settings = z.object({
  PORT: z._default(integer({ min: 1, max: 65535 }), 8787),
  PUBLIC_ORIGIN: origin(),
  ALLOWED_ORIGINS: z._default(commaList(origin()), []),
  KEYS: z.optional(json(z.array(z.strictObject({ kid: z.string(), n: integer({ min: 0 }) })))),
  TABLE: z.optional(json(z.record(z.string(), z.number()))),
  COURSE: z.optional(upstreamSetting),
  MODE: z.optional(z.enum(["a", "b"])),
  FORM: z.optional(z.string().check(z.regex(/^\d+$/, "must be digits"))),
  EITHER: z.optional(z.union([z.literal("yes"), z.array(z.string())], "must be yes or a list")),
  NAMES: z.optional(json(z.array(z.string()).check(z.minLength(1)))),
  FORMS: z.optional(json(z.strictObject({
    roles: z.union([
      z.string(),
      z.array(z.string()),
      z.strictObject({ from: z.optional(z.union([z.string(), z.array(z.string())])) }),
    ]),
  }))),
  QUIET: z.optional(z.string().check(z.refine(() => false))),
});
const good = { PUBLIC_ORIGIN: "https://api.test" };
const read = (bindings: Record<string, unknown>) => readConfig(Settings, { ...good, ...bindings });

/** The message of the refusal. */
function refusal(bindings: Record<string, unknown>): string {
  try {
    read(bindings);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  throw new assert.AssertionError({ message: `Accepted ${JSON.stringify(bindings)}` });
}

Deno.test("readConfig returns typed settings and defaults, and leaves out variables without a schema", () => {
  assert.deepEqual(read({ OTHER: "x" }), { ...good, PORT: 8787, ALLOWED_ORIGINS: [] });
  assert.deepEqual(
    read({
      PORT: "80",
      ALLOWED_ORIGINS: "https://a.test , http://b.test:81,",
      KEYS: '[{"kid":"a","n":"1"}]',
    }),
    {
      ...good,
      PORT: 80,
      ALLOWED_ORIGINS: ["https://a.test", "http://b.test:81"],
      KEYS: [{ kid: "a", n: 1 }],
    },
  );
  assert.deepEqual(["1", 65535].map((PORT) => read({ PORT }).PORT), [1, 65535]);
  assert.deepEqual(read({ KEYS: [{ kid: "a", n: 1 }] }).KEYS, [{ kid: "a", n: 1 }]);
});

const refused: Readonly<Record<string, readonly [bindings: Record<string, unknown>, string]>> = {
  "a missing variable": [{ PUBLIC_ORIGIN: undefined }, "PUBLIC_ORIGIN is missing"],
  "an empty variable": [{ PUBLIC_ORIGIN: "" }, "PUBLIC_ORIGIN is missing"],
  "a number out of range": [{ PORT: "0" }, "PORT: must be a whole number from 1 to 65535"],
  "a number too large": [{ PORT: 65536 }, "PORT: must be a whole number from 1 to 65535"],
  "a fraction": [{ PORT: "1.5" }, "PORT: must be a whole number from 1 to 65535"],
  "hexadecimal digits": [{ PORT: "0x50" }, "PORT: must be a whole number from 1 to 65535"],
  "a number with a blank": [{ PORT: " 80" }, "PORT: must be a whole number from 1 to 65535"],
  "a number with an exponent": [{ PORT: "1e3" }, "PORT: must be a whole number from 1 to 65535"],
  "null as number": [{ PORT: null }, "PORT: must be a whole number from 1 to 65535"],
  "an object as number": [{ PORT: {} }, "PORT: must be a whole number from 1 to 65535"],
  "no JSON": [{ KEYS: "[{" }, "KEYS: must be JSON"],
  "JSON with a name that schemas drop": [
    { KEYS: '[{"kid":"a","__prot\\u006f__":1}]' },
    "KEYS: must not have a member __proto__",
  ],
  "other JSON": [{ KEYS: "{}" }, "KEYS: must be of type array"],
  "an inner member that is missing": [
    { KEYS: '[{"n":1}]' },
    "KEYS (0.kid) is missing",
  ],
  "an inner number that is empty": [
    { KEYS: '[{"kid":"a","n":""}]' },
    `KEYS (0.n): must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`,
  ],
  "a long name inside": [
    { TABLE: '{"Zm9vYmFyZm9vYmFyZm9vYmFyZm9v":"x"}' },
    "TABLE (…): must be of type number",
  ],
  "another choice": [{ MODE: "c" }, "MODE: must be a or b"],
  "a number where an upstream stands": [
    { COURSE: 5 },
    "COURSE: must be a URL or a service binding",
  ],
  "another form": [{ FORM: "Zm9v" }, "FORM: must be digits"],
  "an unknown member": [
    { KEYS: '[{"kid":"a","n":1,"Zm9v":2}]' },
    "KEYS (0.…): unknown key",
  ],
  "a misspelt member": [
    { KEYS: '[{"kid":"a","n":1,"kdi":2}]' },
    "KEYS (0.kdi): unknown key, did you mean kid?",
  ],
  "two unknown members, one of them unlike a name": [
    { KEYS: '[{"kid":"a","n":1,"Zm9vYmFyZm9vYmFyZm9vYmFyZm9v":2,"xyz":3}]' },
    "KEYS (0.…): unknown key; KEYS (0.xyz): unknown key",
  ],
  "a misspelt member of one of several forms": [
    { FORMS: '{"roles":{"form":["a"]}}' },
    "FORMS (roles.form): unknown key, did you mean from?",
  ],
  "a wrong type within one of several forms": [
    { FORMS: '{"roles":{"from":[1]}}' },
    "FORMS (roles.from.0): must be of type string",
  ],
  "none of several": [{ EITHER: "Zm9v" }, "EITHER: must be yes or a list"],
  "an empty list": [{ NAMES: "[]" }, "NAMES: must not be empty"],
  "what a check without a message refuses": [{ QUIET: "x" }, "QUIET: does not fit (custom)"],
  "no upstream": [
    { COURSE: "course" },
    "COURSE: must be the URL of an origin, without path, query or userinfo, or a service binding",
  ],
};
for (const [what, [bindings, message]] of Object.entries(refused)) {
  Deno.test(`readConfig refuses ${what}`, () => {
    assert.equal(refusal(bindings), `Cannot start: ${message}`);
  });
}

const origins = [
  "https://a.test/",
  "https://a.test/x",
  "https://a.test?q",
  "https://a.test#f",
  "https://u:p@a.test",
  "https://u@a.test",
  "HTTPS://a.test",
  "https://A.test",
  "https://a.test:443",
  "http://a.test:80",
  "ftp://a.test",
  "a.test",
  "//a.test",
  "null",
  " https://a.test",
  "https://a.test\n",
  "https://a.test.",
  "file:///x",
  "data:x",
].filter((text) => text !== "https://a.test.");
for (const text of origins) {
  Deno.test(`origin refuses ${JSON.stringify(text)}`, () => {
    assert.match(
      refusal({ PUBLIC_ORIGIN: text }),
      /^Cannot start: PUBLIC_ORIGIN: must be an origin/,
    );
    assert.match(
      refusal({ ALLOWED_ORIGINS: `https://a.test,${text.trim()}x:y` }),
      /ALLOWED_ORIGINS/,
    );
  });
}

Deno.test("readConfig names every variable once, in one line", () => {
  const message = refusal({ PORT: "x", KEYS: '[{"kid":1,"n":1}]', PUBLIC_ORIGIN: "" });
  assert.equal(
    message,
    "Cannot start: PORT: must be a whole number from 1 to 65535; PUBLIC_ORIGIN is missing; " +
      "KEYS (0.kid): must be of type string",
  );
});

Deno.test("a check of the whole configuration does not report a variable as missing", () => {
  const schema = z.object({ A: z.optional(z.string()) }).check(
    z.refine(() => false, "needs A or B"),
  );
  assert.throws(() => readConfig(schema, {}), { message: "Cannot start: needs A or B" });
});

Deno.test("no message of readConfig contains a value [P09]", () => {
  const secret = fc.uint8Array({ minLength: 12, maxLength: 40 }).map((bytes) =>
    `S${bytes.toHex()}`
  );
  const wrap = fc.constantFrom<(text: string) => unknown>(
    (text) => text,
    (text) => JSON.stringify(text),
    (text) => JSON.stringify([text]),
    (text) => JSON.stringify({ [text]: text }),
    (text) => JSON.stringify([{ [text]: text }]),
    (text) => JSON.stringify([{ kid: text, n: text }]),
    (text) => JSON.stringify([{ kid: text, n: 1, [text]: text }]),
    (text) => `[{"kid":"${text}`,
    (text) => `https://${text}@a.test`,
    (text) => `https://a.test/${text}`,
    (text) => ({ [text]: text }),
    (text) => [text],
  );
  const name = fc.constantFrom(...Object.keys(Settings.def.shape));
  fc.assert(fc.property(secret, wrap, name, (text, toValue, variable) => {
    try {
      read({ [variable]: toValue(text) });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      assert.ok(error.message.includes(variable));
      assert.ok(!error.message.includes(text), error.message);
      assert.equal(error.cause, undefined);
    }
  }));
});
