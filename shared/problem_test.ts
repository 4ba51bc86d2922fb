import assert from "node:assert/strict";
import {
  isProblemCode,
  Problem,
  type ProblemCode,
  problemCodes,
  toProblemDocument,
  toProblemResponse,
} from "./problem.ts";

const codes = Object.keys(problemCodes) as ProblemCode[];

Deno.test("every code has a refusal status, a title and its own urn [RFC 9457 §3.1]", () => {
  for (const code of codes) {
    const document = toProblemDocument(new Problem(code), "t");
    assert.ok(Number(document.status) >= 400 && Number(document.status) < 600);
    assert.match(String(document.title), /^[A-Z][^.]*$/);
    assert.equal(document.type, `urn:problem:${code}`);
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
  }
});

Deno.test("a problem shows detail and details, and never its cause", async () => {
  const cause = new Error("hunter2");
  const details = [{ path: "email", message: "is no address" }];
  const problem = new Problem("validation_failed", { detail: "Look", details, cause });
  const response = toProblemResponse(problem, "trace");
  const text = await response.text();
  assert.ok(!text.includes("hunter2"));
  assert.deepEqual(JSON.parse(text), {
    type: "urn:problem:validation_failed",
    title: "Input does not fit",
    status: 422,
    detail: "Look",
    code: "validation_failed",
    traceId: "trace",
    errors: details,
  });
  assert.equal(problem.cause, cause);
});

Deno.test("the reason for which a token was refused changes no byte of a response", async () => {
  for (const code of ["token_invalid", "token_expired", "token_revoked"] as const) {
    const plain = toProblemResponse(new Problem(code), "t");
    const withReason = new Problem(code, { reason: "signature", issuer: "acme" });
    const response = toProblemResponse(withReason, "t");
    assert.equal(withReason.reason, "signature");
    assert.deepEqual([...response.headers], [...plain.headers]);
    assert.equal(await response.text(), await plain.text());
  }
});

Deno.test("a refusal is never cached and has the headers of its status", () => {
  for (const code of codes) {
    const { status, headers } = toProblemResponse(new Problem(code), "t");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("content-type"), "application/problem+json");
    assert.equal(headers.get("www-authenticate"), status === 401 ? "Bearer" : null);
    assert.equal(headers.has("retry-after"), status === 429 || status === 503);
  }
  const options = { headers: { "retry-after": "30", allow: "GET" } };
  const { headers } = toProblemResponse(new Problem("rate_limited", options), "t");
  assert.equal(headers.get("retry-after"), "30");
  assert.equal(headers.get("allow"), "GET");
});

Deno.test("isProblemCode accepts the codes and no member of a prototype", () => {
  assert.ok(codes.every(isProblemCode));
  for (const value of ["constructor", "__proto__", "toString", "", 1, null, undefined]) {
    assert.equal(isProblemCode(value), false);
  }
});
