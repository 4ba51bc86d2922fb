import assert from "node:assert/strict";
import type { RequestRow, ShownLine } from "../api_types.ts";
import { knownFilters, logFilters, passes, requestFilters } from "./matches.ts";

const row: RequestRow = {
  traceId: "abc0".repeat(8),
  time: 0,
  method: "GET",
  path: "/Courses/1",
  route: "/courses/{id}",
  status: 404,
  code: "not_found",
  durationMs: 12.5,
  sub: "user:1",
  issuer: "user",
  services: ["gateway", "course"],
  spans: 3,
  logs: 1,
  errorLogs: 0,
};
const line: ShownLine = {
  time: 0,
  level: "warn",
  service: "course",
  traceId: null,
  spanId: null,
  message: "Course has no lessons",
  fields: { id: "Abc", cause: { name: "TypeError" } },
};

const ofRequests = {
  q: [["courses", "/1", "ABC0abc0"], ["lessons"]],
  method: [["GET"], ["get", "POST"]],
  status: [["4xx", "404"], ["5xx", "400", "40"]],
  route: [["/courses/{id}"], ["/courses"]],
  code: [["not_found"], ["not"]],
  sub: [["user:1"], ["user"]],
  service: [["course", "gateway"], ["cour"]],
  minMs: [["12.5", "0"], ["12.6", "x"]],
} as const;
for (const [name, [fitting, others]] of Object.entries(ofRequests)) {
  Deno.test(`the filter ${name} of requests passes only matching ones`, () => {
    for (const value of fitting) assert.ok(passes(requestFilters, { [name]: value }, row), value);
    for (const value of others) assert.ok(!passes(requestFilters, { [name]: value }, row), value);
  });
}

const ofLogs = {
  q: [["no LESSONS", "abc", "typeerror"], ["course-service", "cause:"]],
  level: [["warn", "warn,error"], ["error", "info,debug"]],
  service: [["course", "auth,course"], ["auth"]],
  traceId: [[], ["abc0".repeat(8)]],
} as const;
for (const [name, [fitting, others]] of Object.entries(ofLogs)) {
  Deno.test(`the filter ${name} of logs passes only matching ones`, () => {
    for (const value of fitting) assert.ok(passes(logFilters, { [name]: value }, line), value);
    for (const value of others) assert.ok(!passes(logFilters, { [name]: value }, line), value);
  });
}

Deno.test("all filters must match, and a request in flight has no status yet", () => {
  assert.ok(passes(requestFilters, { method: "GET", status: "4xx" }, row));
  assert.ok(!passes(requestFilters, { method: "POST", status: "4xx" }, row));
  assert.ok(!passes(requestFilters, { status: "2xx" }, { ...row, status: null }));
});

Deno.test("only supported filters with a value are read from an address", () => {
  const query = { status: "4xx", q: "", span: "a1", constructor: "x" };
  assert.deepEqual(knownFilters(requestFilters, query), { status: "4xx" });
});
