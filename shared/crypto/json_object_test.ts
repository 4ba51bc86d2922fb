import assert from "node:assert/strict";
import fc from "fast-check";
import { readJsonObject } from "./encoding.ts";

const read = (text: string) => readJsonObject(new TextEncoder().encode(text));

/** Names that look like structure, and none that needs an escape. */
const name = fc.oneof(
  fc.string().filter((text) => JSON.stringify(text) === `"${text}"`),
  fc.constantFrom("__proto__", "a:b", ":", "{", "},{", "toString", "1", "2"),
);
const anyName = fc.oneof(name, fc.constantFrom('"', "\\", '\\"', "\n", '":"'));
const { object } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, ":", '"', '\\":'),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.uniqueArray(fc.tuple(name, tie("value")), { selector: ([it]) => it, maxLength: 5 })
    .map(Object.fromEntries),
}));

Deno.test("readJsonObject reads every object that JSON.stringify writes", () => {
  fc.assert(fc.property(object, fc.constantFrom(undefined, 2), (value, indent) => {
    const text = JSON.stringify(value, null, indent);
    assert.deepEqual(read(text), JSON.parse(text));
  }));
});

Deno.test("readJsonObject refuses an object with any member repeated", () => {
  fc.assert(fc.property(object, object, anyName, fc.nat(4), (value, other, twice, depth) => {
    const member = JSON.stringify(twice);
    const inner = `{${member}:${JSON.stringify(value)},${member}:${JSON.stringify(other)}}`;
    const text = `${'{"a":[1,'.repeat(depth)}${inner}${"]}".repeat(depth)}`;
    assert.doesNotThrow(() => JSON.parse(text));
    assert.equal(read(text), undefined);
  }));
});

Deno.test("readJsonObject leaves prototypes alone", () => {
  const value = read('{"__proto__":{"admin":true}}');
  assert.ok(value && Object.hasOwn(value, "__proto__"));
  assert.equal(Reflect.get({}, "admin"), undefined);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

Deno.test("readJsonObject returns undefined for any bytes that are not an object", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
    const value = readJsonObject(new Uint8Array(bytes));
    if (value !== undefined) assert.equal(typeof value, "object");
  }));
  for (const text of ["", " ", "null", "[]", '[{"a":1}]', "1", '"a"', "true", "{", "{a:1}"]) {
    assert.equal(read(text), undefined, text);
  }
});

Deno.test("readJsonObject reads 32 levels and refuses the 33rd, but not brackets in a text", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  assert.ok(read(nested(32)));
  assert.equal(read(nested(33)), undefined);
  assert.deepEqual(read(`{"a":"${"[".repeat(40)}"}`), { a: "[".repeat(40) });
});

Deno.test("readJsonObject survives nesting deeper than its stack", () => {
  const depth = 2_000_000;
  assert.equal(read(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`), undefined);
});

Deno.test("readJsonObject refuses half a surrogate pair at any position", () => {
  const texts = [
    '{"a":"\\ud800"}',
    '{"\\ud800":1}',
    '{"a":[{"b":"\\udc00"}]}',
    '{"a":{"\\udfff":1}}',
  ];
  for (const text of texts) assert.equal(read(text), undefined, text);
  assert.deepEqual(read('{"a":"\\ud83d\\ude00"}'), { a: "😀" });
});

Deno.test("readJsonObject does not confuse an escaped name with an earlier one that V8 has parsed", () => {
  for (let round = 0; round < 3; round++) JSON.parse('{"sub":1,"s\\\\u":2}');
  assert.equal(read('{"sub":1,"s\\u0075b":2}'), undefined);
  assert.equal(read('{"sub":1,"s\\\\u":2}'), undefined);
  assert.equal(read('{"a":{"b\\\\":2}}'), undefined);
});
