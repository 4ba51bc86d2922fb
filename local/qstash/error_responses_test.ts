import assert from "node:assert/strict";
import { openQstash } from "./mod.ts";
import { createTestSystem } from "../../tests/support/qstash_system.ts";

const destination = "http://destination.test/x";
const publish = `/v2/publish/${destination}`;
const schedule = `/v2/schedules/${destination}`;

type Refusal = readonly [
  what: string,
  status: number,
  request: readonly [method: string, path: string, init?: RequestInit],
  error: RegExp,
];

function withHeaders(headers: Record<string, string>): RequestInit {
  return { headers };
}

const refusals: readonly Refusal[] = [
  [
    "another path",
    501,
    ["GET", "/v2/flowControl/k"],
    /not supported locally: GET \/v2\/flowControl\/k/,
  ],
  ["bulk actions", 501, ["GET", "/v2/bulkActions"], /not supported locally/],
  ["the language models", 501, ["POST", "/llm/v1/chat/completions"], /not supported locally/],
  ["the language model destination", 501, ["POST", "/v2/publish/api/llm"], /api\/llm/],
  ["the first version", 501, ["POST", `/v1/publish/${destination}`], /not supported locally/],
  ["the root", 501, ["GET", "/"], /not supported locally/],
  ["an asynchronous bulk cancel", 501, ["DELETE", "/v2/messages?async=true"], /async/],
  [
    "flow control",
    501,
    ["POST", publish, withHeaders({ "upstash-flow-control-key": "k" })],
    /upstash-flow-control-key/,
  ],
  [
    "redaction",
    501,
    ["POST", publish, withHeaders({ "upstash-redact-fields": "body" })],
    /upstash-redact-fields/,
  ],
  [
    "an unknown header",
    501,
    ["POST", publish, withHeaders({ "upstash-new-thing": "1" })],
    /upstash-new-thing/,
  ],
  [
    "a schedule made by publishing",
    501,
    ["POST", publish, withHeaders({ "upstash-cron": "* * * * *" })],
    /upstash-cron/,
  ],
  [
    "a retry with other settings",
    501,
    ["POST", "/v2/dlq/retry/1-0", withHeaders({ "upstash-retries": "0" })],
    /upstash-retries/,
  ],
  ["another method", 405, ["GET", publish], /GET is not allowed/],
  ["no destination", 501, ["POST", "/v2/publish/"], /not supported locally/],
  ["a destination of another scheme", 400, ["POST", "/v2/publish/ftp://a.test"], /destination/],
  ["a destination without a host", 400, ["POST", "/v2/publish/http:///a"], /destination/],
  ["a URL group that is not there", 404, ["POST", "/v2/publish/nobody"], /nobody not found/],
  ["a queue name with a space", 400, ["POST", `/v2/enqueue/a%20b/${destination}`], /queue name/],
  ["a path that is not encoded", 400, ["GET", "/v2/queues/%zz"], /encoded/],
  ...Object.entries({
    "upstash-method": "BREW",
    "upstash-delay": "10",
    "upstash-not-before": "soon",
    "upstash-retries": "-1",
    "upstash-retry-delay": "pow(2)",
    "upstash-timeout": "1x",
    "upstash-callback": "nowhere",
    "upstash-failure-callback": "mailto:a@b.test",
  }).map(([name, value]): Refusal => [
    `${name}: ${value}`,
    400,
    ["POST", publish, withHeaders({ [name]: value })],
    new RegExp(name),
  ]),
  ["a schedule without cron", 400, ["POST", schedule], /cron/],
  [
    "a malformed cron",
    400,
    ["POST", schedule, withHeaders({ "upstash-cron": "every day" })],
    /cron/,
  ],
  [
    "a schedule id with a slash",
    400,
    ["POST", schedule, withHeaders({ "upstash-cron": "* * * * *", "upstash-schedule-id": "a/b" })],
    /schedule id/,
  ],
  [
    "a schedule with deduplication",
    501,
    [
      "POST",
      schedule,
      withHeaders({ "upstash-cron": "* * * * *", "upstash-deduplication-id": "d" }),
    ],
    /deduplication/,
  ],
  ["a batch that is no JSON", 400, ["POST", "/v2/batch", { body: "[" }], /not JSON/],
  ["a batch that is no array", 400, ["POST", "/v2/batch", { body: "{}" }], /not as expected/],
  [
    "a batch without a destination",
    400,
    ["POST", "/v2/batch", { body: '[{"body":"x"}]' }],
    /0\.destination/,
  ],
  ["a message over the limit", 413, ["POST", publish, { body: "x".repeat(1_001) }], /1000 bytes/],
  ["a request over the limit", 413, ["POST", "/v2/batch", { body: "x".repeat(10_001) }], /10000/],
  ["an unknown filter", 400, ["GET", "/v2/dlq?colour=red"], /colour/],
  ["a filter of another list", 400, ["GET", "/v2/dlq?host=a.test"], /host/],
  ["a count that is no number", 400, ["GET", "/v2/events?count=many"], /count/],
  ["a count of none", 400, ["GET", "/v2/logs?count=0"], /count/],
  ["a schedule that is not there", 404, ["GET", "/v2/schedules/s"], /s not found/],
  ["deleting a schedule that is not there", 404, ["DELETE", "/v2/schedules/s"], /s not found/],
  ["a queue that is not there", 404, ["GET", "/v2/queues/q"], /q not found/],
  ["a queue of none", 400, [
    "POST",
    "/v2/queues",
    { body: '{"queueName":"q","parallelism":0}' },
  ], /parallelism/],
  ["a group that is not there", 404, ["GET", "/v2/topics/t"], /t not found/],
  ["an endpoint that is no URL", 400, [
    "POST",
    "/v2/topics/t/endpoints",
    { body: '{"endpoints":[{"url":"x"}]}' },
  ], /endpoints/],
  ["an unknown fault", 400, ["PUT", "/v2/local/faults", { body: '{"fire":1}' }], /invalid faults/],
  ["a chance above 1", 400, ["PUT", "/v2/local/faults", { body: '{"delay":2}' }], /delay/],
];
for (const [what, status, [method, path, init], error] of refusals) {
  Deno.test(`QStash refuses ${what} with ${status}`, async () => {
    await using system = createTestSystem({ maxMessageBytes: 1_000 });
    const response = await system.send(method, path, init);
    assert.equal(response.status, status);
    assert.match(response.body.error, error);
    await system.step();
    assert.deepEqual((await system.client.logs()).logs, []);
    assert.deepEqual(system.causes, []);
  });
}

Deno.test("QStash refuses a request over the limit without a declared length", async () => {
  await using system = createTestSystem({ maxMessageBytes: 1_000 });
  const body = new Blob(["x".repeat(6_000), "x".repeat(6_000)]).stream();
  const response = await system.send("POST", "/v2/batch", { body });
  assert.deepEqual([response.status, response.body], [
    413,
    { error: "request is larger than 10000 bytes" },
  ]);
});

const unauthorized = {
  "no token": "",
  "another token": "Bearer wrong",
  "the token's beginning": "Bearer local-toke",
  "the token and more": "Bearer local-tokenx",
  "another scheme": "Basic local-token",
};
for (const [what, authorization] of Object.entries(unauthorized)) {
  for (const path of [publish, "/v2/keys", "/v2/local/faults", "/nowhere"]) {
    Deno.test(`QStash refuses ${what} at ${path}`, async () => {
      await using system = createTestSystem();
      const response = await system.send("POST", path, { headers: { authorization } });
      assert.deepEqual([response.status, response.body], [401, { error: "unauthorized" }]);
    });
  }
}

Deno.test("QStash does not start without a token or with a parallelism of zero", () => {
  assert.throws(() => openQstash({ token: "", path: ":memory:" }), RangeError);
  assert.throws(() => openQstash({ token: "t", path: ":memory:", maxParallel: 0 }), RangeError);
});
