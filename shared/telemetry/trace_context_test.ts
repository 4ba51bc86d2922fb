import assert from "node:assert/strict";
import fc from "fast-check";
import { childSpan, newTrace, readTraceparent, toTraceparent } from "./trace_context.ts";

// The cases are those of the W3C's trace-context test suite (test/test.py, Level 1) for
// traceparent; tracestate is not carried on, so its cases do not apply.

const traceId = "12345678901234567890123456789012";
const spanId = "1234567890123456";

const continued = {
  "of version 00": `00-${traceId}-${spanId}-01`,
  "of version 00, not sampled": `00-${traceId}-${spanId}-00`,
  "of a later version": `cc-${traceId}-${spanId}-01`,
  "of a later version with more behind": `cc-${traceId}-${spanId}-01-what-the-future-will-be-like`,
  "of a later version with an empty part behind": `cc-${traceId}-${spanId}-01-`,
  "with unknown flags": `00-${traceId}-${spanId}-ff`,
};
for (const [what, header] of Object.entries(continued)) {
  Deno.test(`readTraceparent continues a trace ${what}`, () => {
    const read = readTraceparent(header);
    assert.equal(read?.traceId, traceId);
    assert.equal(read?.spanId, spanId);
    assert.equal(read?.flags, header.slice(53, 55) === "00" ? 0 : 1);
  });
}

const restarted: Readonly<Record<string, string | null | undefined>> = {
  "no header": null,
  "an undefined header": undefined,
  "an empty header": "",
  "two headers": `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  "two headers of a later version": `cc-${traceId}-${spanId}-01-x, cc-${traceId}-${spanId}-01`,
  "version ff": `ff-${traceId}-${spanId}-01`,
  "an illegal version": `.0-${traceId}-${spanId}-01`,
  "an illegal second digit of the version": `0.-${traceId}-${spanId}-01`,
  "a version in capitals": `CC-${traceId}-${spanId}-01`,
  "a version of three digits": `000-${traceId}-${spanId}-01`,
  "a version of one digit": `0-${traceId}-${spanId}-01`,
  "version 00 with more behind": `00-${traceId}-${spanId}-01-what-the-future-will-be-like`,
  "version 00 with a dash behind": `00-${traceId}-${spanId}-01-`,
  "version 00 with a dot behind": `00-${traceId}-${spanId}-01.`,
  "a later version with something else behind":
    `cc-${traceId}-${spanId}-01.what-the-future-will-not-be-like`,
  "a trace id of zeros": `00-${"0".repeat(32)}-${spanId}-01`,
  "a trace id with a dot": `00-.${traceId.slice(1)}-${spanId}-01`,
  "a trace id with a dot at its end": `00-${traceId.slice(1)}.-${spanId}-01`,
  "a trace id in capitals": `00-${"ABCDEF".padEnd(32, "1")}-${spanId}-01`,
  "a trace id too long": `00-${traceId}3-${spanId}-01`,
  "a trace id too short": `00-${traceId.slice(1)}-${spanId}-01`,
  "a parent id of zeros": `00-${traceId}-${"0".repeat(16)}-01`,
  "a parent id with a dot": `00-${traceId}-.${spanId.slice(1)}-01`,
  "a parent id in capitals": `00-${traceId}-ABCDEF1234567890-01`,
  "a parent id too long": `00-${traceId}-${spanId}7-01`,
  "a parent id too short": `00-${traceId}-${spanId.slice(1)}-01`,
  "flags with a dot": `00-${traceId}-${spanId}-.0`,
  "flags with a dot behind": `00-${traceId}-${spanId}-0.`,
  "flags too long": `00-${traceId}-${spanId}-001`,
  "flags too short": `00-${traceId}-${spanId}-1`,
  "flags in capitals": `00-${traceId}-${spanId}-0A`,
  "no flags": `00-${traceId}-${spanId}`,
  "a newline behind": `00-${traceId}-${spanId}-01\n`,
};
for (const [what, header] of Object.entries(restarted)) {
  Deno.test(`readTraceparent starts a new trace after ${what}`, () => {
    assert.equal(readTraceparent(header), undefined);
  });
}

Deno.test("readTraceparent finds blanks around the value gone [RFC 9110 §5.5]", () => {
  for (const blank of [" ", "\t", " \t "]) {
    const headers = new Headers({ TraceParent: `${blank}00-${traceId}-${spanId}-01${blank}` });
    assert.equal(readTraceparent(headers.get("traceparent"))?.traceId, traceId);
  }
});

Deno.test("toTraceparent writes version 00 with the sampled flag alone", () => {
  for (const flags of ["00", "01"]) {
    const header = `00-${traceId}-${spanId}-${flags}`;
    const read = readTraceparent(header);
    assert.ok(read);
    assert.equal(toTraceparent(read), header);
  }
  const future = readTraceparent(`cc-${traceId}-${spanId}-03-x`);
  assert.ok(future);
  assert.equal(toTraceparent(future), `00-${traceId}-${spanId}-01`);
});

Deno.test("every hop has a span of its own in the same trace [M14]", () => {
  const trace = newTrace();
  const [one, other] = [childSpan(trace), childSpan(trace)];
  assert.equal(one.traceId, trace.traceId);
  assert.equal(new Set([trace.spanId, one.spanId, other.spanId]).size, 3);
  assert.notEqual(newTrace().traceId, trace.traceId);
  assert.deepEqual(readTraceparent(toTraceparent(one)), one);
});

Deno.test("readTraceparent reads nothing but what it would write again", () => {
  const part = (length: number) =>
    fc.string({
      unit: fc.constantFrom(..."0123456789abcdefA-."),
      minLength: length,
      maxLength: length,
    });
  fc.assert(fc.property(part(2), part(32), part(16), part(2), (...parts) => {
    const read = readTraceparent(parts.join("-"));
    if (!read) return;
    assert.match(toTraceparent(read), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  }));
});
