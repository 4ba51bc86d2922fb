import assert from "node:assert/strict";
import { readTracestate } from "./trace_context.ts";

const rows: readonly (readonly [what: string, header: string | null, state: string | undefined])[] =
  [
    ["no header", null, undefined],
    ["nothing in it", "", undefined],
    ["blanks and commas only", " , ,", undefined],
    ["one member", "rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"],
    ["members and blanks around them", "a=1 , b=2", "a=1,b=2"],
    ["a tenant key", "fw529a3039@dt=FfFfFf", "fw529a3039@dt=FfFfFf"],
    ["a key in capitals", "Rojo=1", undefined],
    ["a member without a value", "rojo", undefined],
    ["one bad member among good ones", "a=1,B=2,c=3", undefined],
    ["a key twice", "a=1,a=2", undefined],
    ["a value with a comma's neighbour =", "a=1=2", undefined],
    ["32 members", many(32), many(32)],
    ["33 members", many(33), undefined],
    ["more than 512 characters", `a=${"x".repeat(511)}`, undefined],
  ];

for (const [what, header, state] of rows) {
  Deno.test(`readTracestate() reads ${what} as ${state === undefined ? "none" : "it stands"}`, () => {
    assert.equal(readTracestate(header), state);
  });
}

function many(count: number): string {
  return Array.from({ length: count }, (_, n) => `k${n}=1`).join(",");
}
