import assert from "node:assert/strict";
import fc from "fast-check";
import { createLogger } from "../context/request_context.ts";
import { toOtlpLogs } from "./otlp.ts";
import { Logs } from "../../tests/support/otlp_shapes.ts";

const resource = { serviceName: "edgepass", instanceId: "0123456789abcdef" };
const at = 1_700_000_000_000;

function toRecords(lines: readonly string[]) {
  const taken = lines.map((line) => ({ line, takenMs: at + 5 }));
  const body = Logs.parse(JSON.parse(toOtlpLogs(taken, resource)));
  return body.resourceLogs[0]?.scopeLogs[0]?.logRecords ?? [];
}

Deno.test("a log line is exported with its time, severity, trace, message and fields", () => {
  const lines: string[] = [];
  const log = createLogger({ service: "course", sink: (line) => lines.push(line), now: () => at });
  log.warn("Passport refused", {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    status: 401,
    cause: { code: "expired", tries: [1, null] },
  });
  assert.deepEqual(toRecords(lines), [{
    timeUnixNano: `${at}000000`,
    observedTimeUnixNano: `${at + 5}000000`,
    severityNumber: 13,
    severityText: "warn",
    body: { stringValue: "Passport refused" },
    attributes: [
      { key: "edgepass.service", value: { stringValue: "course" } },
      { key: "status", value: { intValue: "401" } },
      {
        key: "cause",
        value: {
          kvlistValue: {
            values: [
              { key: "code", value: { stringValue: "expired" } },
              { key: "tries", value: { arrayValue: { values: [{ intValue: "1" }, {}] } } },
            ],
          },
        },
      },
    ],
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
  }]);
});

Deno.test("a line in another format is exported unchanged", () => {
  const records = toRecords(["words", "7", "null", "[1]", '{"level":"loud","traceId":"x"}']);
  assert.deepEqual(records.map(({ body }) => body), [
    { stringValue: "words" },
    { stringValue: "7" },
    { stringValue: "null" },
    { stringValue: "[1]" },
    { stringValue: "" },
  ]);
  assert.deepEqual(records.map(({ traceId }) => traceId), Array(5).fill(undefined));
});

Deno.test("every line is exported as valid OTLP", () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.json(), fc.string())), (lines) => {
    assert.equal(toRecords(lines).length, lines.length);
  }));
});
