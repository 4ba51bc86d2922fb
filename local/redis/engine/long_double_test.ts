import assert from "node:assert/strict";
import fc from "fast-check";
import { addDecimals } from "./counters.ts";

const sums = [
  ["0.1", "0.2", "0.3"],
  ["0", "-0", "0"],
  ["10.5", "0.1", "10.6"],
  ["5.0e3", "2.0e2", "5200"],
  ["-1", "0.5", "-0.5"],
  ["1e15", "0.001", "1000000000000000.0009765625"],
  ["1e-17", "1e-18", "0.00000000000000001"],
  [".5", "5.", "5.5"],
  ["18446744073709551615", "1", "18446744073709551616"],
  ["1e30", "1", "1000000000000000000024696061952"],
] as const;
for (const [left, right, sum] of sums) {
  Deno.test(`${left} + ${right} is ${sum} as a long double`, () => {
    assert.equal(addDecimals(left, right), sum);
  });
}

for (const text of ["", "abc", "1e", "--1", " 1", "1 ", "0x10", "nan", "1e99999", "."]) {
  Deno.test(`"${text}" is not a decimal`, () => {
    assert.throws(() => addDecimals("1", text), { message: "ERR value is not a valid float" });
  });
}

Deno.test("infinity is refused by its own message", () => {
  assert.throws(() => addDecimals("1", "-inf"), {
    message: "ERR increment would produce NaN or Infinity",
  });
});

Deno.test("sums of integers within 64 bits are exact", () => {
  const half = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
  fc.assert(fc.property(half, half, (left, right) => {
    assert.equal(addDecimals(String(left), String(right)), String(left + right));
  }));
});
