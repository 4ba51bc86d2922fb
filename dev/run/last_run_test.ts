import assert from "node:assert/strict";
import { describeLastRun } from "./last_run.ts";
import type { Exit } from "../collector/mod.ts";
import { createAnsi } from "../terminal/text.ts";

const ansi = createAnsi(false);
const line = (level: string, message: string) =>
  JSON.stringify({ time: "2026-03-01T09:30:00.000Z", level, service: "gateway", message });

const exit: Exit = {
  name: "edgepass",
  time: Date.parse("2026-03-01T09:30:01.000Z"),
  code: 137,
  signal: "SIGKILL",
  lastLines: [line("info", "Request completed"), line("error", "Broken"), "panicked at main", ""],
  inFlight: [
    {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      method: "GET",
      path: "/courses",
      sinceMs: 1_250,
    },
    { traceId: null, method: "POST", path: `/${"x".repeat(100)}`, sinceMs: 12 },
  ],
  isExpected: false,
};

Deno.test("a start reports why the last run died: the process, its exit, its last lines, its open requests", () => {
  const [head = "", error = "", panic, first, second = "", ...more] = describeLastRun([exit], ansi);
  assert.match(head, /^The last run: edgepass ended by SIGKILL at 2026-03-01 \d\d:\d\d:\d\d$/);
  assert.match(error, /gateway +ERROR Broken$/);
  assert.equal(panic, "  panicked at main");
  assert.equal(first, "  under way for 1.3 s: GET /courses #0af76519");
  assert.match(second, /^ {2}under way for 12 ms: POST \/x+…$/);
  assert.deepEqual(more, []);
  assert.ok(describeLastRun([exit], ansi).every((text) => text.length <= 78));
});

Deno.test("a dev without a recorded end is reported as killed, at about its last write", () => {
  const killed = { ...exit, name: "dev", code: null, signal: null, lastLines: [], inFlight: [] };
  assert.match(describeLastRun([killed], ansi)[0] ?? "", /: dev itself was killed, at about 2026-/);
});

Deno.test("a process that ended with a code is reported with it", () => {
  const ended = { ...exit, code: 7, signal: null };
  assert.match(describeLastRun([ended], ansi)[0] ?? "", /edgepass ended with code 7 at /);
});

Deno.test("of many open requests a few are reported, with the number of the others", () => {
  const request = { traceId: null, method: "GET", path: "/", sinceMs: 1 };
  const described = describeLastRun(
    [{ ...exit, lastLines: [], inFlight: Array(9).fill(request) }],
    ansi,
  );
  assert.equal(described.length, 7);
  assert.equal(described.at(-1), "  and 4 more requests under way");
});

Deno.test("a run that ended in order is not reported", () => {
  assert.deepEqual(describeLastRun([], ansi), []);
});
