import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { explain } from "../dev/cli/explain.ts";
import { createDeliveries, type DeliveryNote } from "../dev/collector/event_sources.ts";
import { createAnsi } from "../dev/terminal/text.ts";
import { answeredLine, lineOf, openStore } from "./support/observed.ts";
import { acceptedTrace, refusedTrace, traceIdOf } from "./support/otlp.ts";

const start = 1_772_000_000_000;
const traceId = traceIdOf(0x1f);

/** A workspace with an empty store, and the output of `deno task explain` on it. */
async function setup() {
  const environment = await openStore();
  const workspace = `${environment.folder}/home`;
  Deno.mkdirSync(workspace);
  // The workspace's store is this one: it must not be copied while it is written.
  Deno.symlinkSync(environment.folder, `${workspace}/observe`);
  return {
    ...environment,
    workspace,
    explain: (...args: string[]) => explain(args, workspace, createAnsi(false)),
  };
}

/** Every line that begins with these words, with its spaces collapsed. */
function linesOf(text: string, words: string): string[] {
  return text.split("\n").map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line.startsWith(words));
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, " ");
}

Deno.test("an accepted request is explained with every decision and every hop", async () => {
  await using environment = await setup();
  await environment.send(acceptedTrace({ traceId, start }));
  environment.store.write({
    lines: [
      answeredLine(traceId, { time: start + 10, durationMs: 10 }),
      lineOf({
        traceId,
        service: "user",
        level: "warn",
        time: start + 3,
        message: "Passport is large",
        fields: { bytes: 2_100 },
      }),
    ],
  });
  const { text, code } = environment.explain(traceId);
  assert.equal(code, 0);
  const output = squeeze(text);
  assert.ok(output.startsWith(`Trace ${traceId}, `));
  for (
    const part of [
      "GET /users/0192 got 200 in 10.0 ms from user.",
      "+ target GET /users/0192",
      "+ route /users/{id}, access: authenticated",
      "+ credential cookie",
      "+ verify key key-1; sub 0192; issuer user; roles learner; sid sid-1; jti jti-1 (0.25 ms)",
      "+ revocation clear, strict; looked up by sub, jti, sid, kid (0.25 ms)",
      "+ authorize allowed by authenticated",
      "+ sign Passport by key pass-1; life 30 s from ",
      "sub user:0192; roles [learner]",
      "+ forward to user, which returned 200 (8.00 ms)",
    ]
  ) assert.ok(output.includes(part), `${part}\n\n${text}`);
  assert.deepEqual(linesOf(text, "gateway "), ["gateway GET /users/{id} 200 10.0 ms"]);
  assert.deepEqual(linesOf(text, "user "), ["user GET /users/:id 200 6.00 ms Passport accepted"]);
  assert.deepEqual(linesOf(text, "sqlite "), ["sqlite QUERY 0.50 ms 1 statement"]);
  assert.match(linesOf(text, "! ")[0] ?? "", /user WARN Passport is large bytes=2100$/);
  const order = ["  gateway  GET", "    user  GET", "      ! ", "      sqlite QUERY"];
  const places = order.map((line) => text.indexOf(`\n${line}`));
  assert.deepEqual(places, places.toSorted((a, b) => a - b));
  assert.ok(!places.includes(-1), text);
});

const notes = (state: DeliveryNote["state"], more: Partial<DeliveryNote> = {}): DeliveryNote => ({
  time: start + 40,
  state,
  messageId: "m1",
  consumer: "course",
  status: null,
  outcome: null,
  nextAt: null,
  eventId: "e-1",
  type: "user.profile-changed",
  subject: "0192",
  source: "user",
  storedAt: start + 3,
  traceId,
  ...more,
});
const busy = notes("failed", {
  time: start + 50,
  status: 503,
  outcome: "busy",
  nextAt: start + 99,
});
const ways: Readonly<Record<string, readonly [readonly DeliveryNote[], readonly string[]]>> = {
  "delivered at the second attempt": [
    [notes("accepted"), busy, notes("delivered", { status: 200, outcome: "applied" })],
    [
      "delivery to course failed, 1st attempt: busy (503)",
      "delivered to course, 2nd attempt: applied (200)",
    ],
  ],
  "being retried": [[notes("accepted"), busy], [
    "delivery to course failed: busy (503)",
    "next delivery to course",
  ]],
  "a dead letter": [[
    notes("accepted"),
    { ...busy, nextAt: null },
    notes("dead", { status: 503 }),
  ], ["delivery to course failed: busy (503)", "a dead letter: not delivered to course"]],
};
for (const [what, [given, expected]] of Object.entries(ways)) {
  Deno.test(`an event that is ${what} is shown after the request that caused it`, async () => {
    await using environment = await setup();
    await environment.send(acceptedTrace({ traceId, start }));
    createDeliveries(environment.db).write(given);
    const output = squeeze(environment.explain(traceId).text);
    const [, events = ""] = output.split(" Events ");
    assert.ok(events.startsWith("user.profile-changed 0192 (e-1) + "), output);
    const parts = ["stored in the outbox of user", "published to QStash", ...expected];
    for (const part of parts) assert.ok(events.includes(part), `${part}\n${events}`);
  });
}

Deno.test("an event that waits in its outbox is shown, parked or not, without data from QStash", async () => {
  await using environment = await setup();
  await environment.send(acceptedTrace({ traceId, start }));
  const path = `${environment.workspace}/user.sqlite`;
  Deno.writeTextFileSync(
    `${environment.workspace}/dev.env`,
    `USER_DB='sqlite:${path}'\nPORT='1'\n`,
  );
  using db = new DatabaseSync(path);
  db.exec(Deno.readTextFileSync(new URL("../shared/events/tables.sql", import.meta.url)));
  const event = JSON.stringify({
    type: "user.profile-changed",
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
  });
  db.prepare("INSERT INTO outbox (id, subject, sequence, event, created_at) VALUES (?,?,?,?,?)")
    .run("e-1", "0192", 1, event, start);
  assert.match(squeeze(environment.explain(traceId).text), /now waits in the outbox of user $/);
  db.exec(`UPDATE outbox SET attempts = 3, next_attempt_at = ${start + 4_000}`);
  assert.match(
    squeeze(environment.explain(traceId).text),
    /now waits in the outbox of user, after 3 attempts … [\d:.]+ next attempt to publish $/,
  );
  db.exec("UPDATE outbox SET parked = 'QStash returned 413'");
  assert.match(
    squeeze(environment.explain(traceId).text),
    /x now parked, after 3 attempts: QStash returned 413 $/,
  );
});

Deno.test("a refused request is explained with the step, the code and its meaning", async () => {
  await using environment = await setup();
  await environment.send(refusedTrace({ traceId, start }));
  const { text, code } = environment.explain(traceId);
  assert.equal(code, 0);
  assert.ok(
    squeeze(text).includes(
      "GET /users/0192 got 401 in 3.00 ms: the gateway refused it at the step revocation. " +
        "token_revoked: Token has been revoked.",
    ),
  );
  assert.ok(
    squeeze(text).includes(
      "x revocation token_revoked: Token has been revoked; revoked:login. The login that the token " +
        "belongs to has ended: its sid is revoked. What to do: Log in. (0.25 ms)",
    ),
    text,
  );
  assert.deepEqual(linesOf(text, "+ authorize"), []);
  assert.deepEqual(linesOf(text, "+ forward"), []);
});

/** The code of the gateway's refusal, and the step that the output must name. */
const refusals = {
  misdirected_request: "target",
  path_not_canonical: "target",
  uri_too_long: "target",
  headers_too_large: "target",
  not_found: "route",
  method_not_allowed: "route",
  csrf_rejected: "credential",
  authentication_required: "verify",
  ambiguous_credentials: "verify",
  token_invalid: "verify",
  token_expired: "verify",
  token_revoked: "revocation",
  revocation_unavailable: "revocation",
  forbidden: "authorize",
  request_timeout: "body",
  payload_too_large: "body",
  unsupported_media_type: "body",
  malformed_json: "body",
  upstream_bad_response: "forward",
  upstream_unavailable: "forward",
  upstream_timeout: "forward",
} as const;

for (const [code, step] of Object.entries(refusals)) {
  Deno.test(`${code} of an unsampled request is explained as refused at ${step}`, async () => {
    await using environment = await setup();
    environment.store.write({
      lines: [answeredLine(traceId, { time: start, status: 400, code, steps: { [step]: 1.5 } })],
    });
    const { text } = environment.explain(traceId);
    assert.ok(squeeze(text).includes(`refused it at the step ${step}. ${code}: `), text);
    assert.equal(linesOf(text, `x ${step} ${code}`).length, 1, text);
    assert.match(squeeze(text), new RegExp(`x ${step} ${code}.* \\(1\\.50 ms\\) Log `), text);
  });
}

Deno.test("the reason of a refused token is explained from the log line of an unsampled request", async () => {
  await using environment = await setup();
  const line = answeredLine(traceId, {
    time: start,
    status: 401,
    code: "token_invalid",
    tokenRefusal: "claim_missing:https://acme.test/org",
  });
  environment.store.write({ lines: [line] });
  const { text } = environment.explain(traceId);
  assert.match(
    squeeze(text),
    /x verify token_invalid: .*; claim_missing:https:\/\/acme.test\/org\. /,
  );
  assert.match(
    squeeze(text),
    /What to do: This may be an ID token, .* have the provider add the claim/,
  );
});

Deno.test("[D03] a 503 at verify names the issuer whose keys could not be read", async () => {
  await using environment = await setup();
  const line = answeredLine(traceId, {
    time: start,
    status: 503,
    code: "upstream_unavailable",
    issuer: "partner",
    steps: { route: 0.1, verify: 2000 },
  });
  environment.store.write({ lines: [line] });
  assert.match(
    squeeze(environment.explain(traceId).text),
    /x verify upstream_unavailable: .*; the keys of issuer partner could not be read, .* deno task doctor/,
  );
});

Deno.test("a token that an optional route ignored is explained with its reason", async () => {
  await using environment = await setup();
  const [root, verify] = acceptedTrace({ traceId, start });
  assert.ok(root && verify);
  await environment.send([
    { ...root, attributes: { ...root.attributes, "edgepass.token.refusal": "signature" } },
    {
      ...verify,
      isError: true,
      attributes: { ...verify.attributes, "error.type": "token_invalid" },
    },
  ]);
  assert.match(
    squeeze(environment.explain(traceId).text),
    /\+ verify treated as anonymous, because token_invalid: Token is not valid; signature\. /,
  );
});

Deno.test("an unsampled request is explained from its log lines, and the output names the reason", async () => {
  await using environment = await setup();
  environment.store.write({
    lines: [
      lineOf({ traceId, time: start + 1, message: "Request served", fields: { status: 200 } }),
      lineOf({ traceId, time: start + 2, level: "error", message: "Store is away" }),
      answeredLine(traceId, { time: start + 5, route: "/courses", sub: "0192" }),
    ],
  });
  const { text, code } = environment.explain(traceId);
  assert.equal(code, 0);
  const output = squeeze(text);
  assert.ok(output.includes("GET /courses got 200 in 5.00 ms."));
  assert.ok(output.includes("No span of it was stored"));
  assert.ok(output.includes("+ route /courses"));
  assert.ok(output.includes("+ verify sub 0192"));
  assert.ok(output.includes("course ERROR Store is away"));
});

Deno.test("a trace that did not pass the gateway is explained by its hops", async () => {
  await using environment = await setup();
  await environment.send([{
    traceId,
    spanId: "c000000000000001",
    service: "auth",
    start,
    kind: 2,
  }]);
  const { text } = environment.explain(traceId);
  assert.match(text, /did not pass the gateway/);
  assert.equal(linesOf(text, "auth work").length, 1);
});

Deno.test("the output has at most 100 columns and no control characters of the traced data", async () => {
  await using environment = await setup();
  const long = "x".repeat(300);
  const spans = acceptedTrace({ traceId, start }).map((span) => ({
    ...span,
    name: `${span.name}\x1b[31m${long}`,
    attributes: { ...span.attributes, "url.path": `/${long}`, "edgepass.token.sid": long },
  }));
  await environment.send(spans);
  const fields = { cause: { message: `${long}\x1b]0;title\x07\r\n` } };
  environment.store.write({
    lines: [
      lineOf({ traceId, service: "user", time: start + 3, level: "error", message: long, fields }),
    ],
  });
  const { text } = environment.explain(traceId);
  assert.deepEqual(text.split("\n").filter((line) => line.length > 100), []);
  // deno-lint-ignore no-control-regex -- terminals are controlled by control characters
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
});

Deno.test("many database calls of one service are folded", async () => {
  await using environment = await setup();
  const spans = acceptedTrace({ traceId, start });
  const query = spans.at(-1);
  assert.ok(query);
  const more = Array.from({ length: 20 }, (_, at) => ({
    ...query,
    spanId: (at + 1).toString(16).padStart(16, "d"),
  }));
  await environment.send([...spans, ...more]);
  const { text } = environment.explain(traceId);
  assert.equal(linesOf(text, "sqlite").length, 8);
  assert.equal(linesOf(text, "and 13 more database calls").length, 1);
});

Deno.test("the beginning of an id is accepted, and so is a traceparent", async () => {
  await using environment = await setup();
  await environment.send(acceptedTrace({ traceId, start }));
  const complete = environment.explain(traceId).text;
  for (
    const given of ["aaaa", traceId.toUpperCase(), `00-${traceId}-bbbbbbbbbbbbbbbb-01`, "#aaaaaa"]
  ) {
    assert.equal(environment.explain(given).text, complete, given);
  }
});

Deno.test("a missing trace is reported in one line that names where it was looked up", async () => {
  await using environment = await setup();
  await environment.send(acceptedTrace({ traceId: traceIdOf(1), start }));
  await environment.send(acceptedTrace({ traceId: traceIdOf(2), start }));
  const path = `${environment.workspace}/observe/store.sqlite`;
  const nowhere = explain(["aaaa"], `${environment.folder}/nowhere`, createAnsi(false));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.text, /^No trace can be read from .*nowhere\/observe\/store\.sqlite: /);
  assert.deepEqual(environment.explain("bbbb"), {
    text: `No trace begins with bbbb in ${path}`,
    code: 1,
  });
  assert.deepEqual(environment.explain("aaaa"), {
    text: `Several traces begin with aaaa: ${traceIdOf(1)}, ${traceIdOf(2)}`,
    code: 1,
  });
  for (const args of [[], ["xyz1"], ["abc"], ["a".repeat(33)], ["aaaa", "bbbb"]]) {
    const { text, code } = environment.explain(...args);
    assert.equal(code, 2);
    assert.match(text, /^Usage: deno task explain <traceId>/);
  }
});

Deno.test("colours appear only on terminals", async () => {
  await using environment = await setup();
  await environment.send(refusedTrace({ traceId, start }));
  const plain = environment.explain(traceId).text;
  const coloured = explain([traceId], environment.workspace, createAnsi(true)).text;
  assert.notEqual(coloured, plain);
  // deno-lint-ignore no-control-regex -- colours start with a control character
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ""), plain);
});

Deno.test("deno task explain reads the store of EDGEPASS_HOME without writing to it", async () => {
  await using environment = await setup();
  await environment.send(acceptedTrace({ traceId, start }));
  environment.close();
  const before = Deno.readFileSync(environment.path);
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "explain", traceId],
    cwd: new URL("..", import.meta.url).pathname,
    env: { EDGEPASS_HOME: environment.workspace },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stdout), /got 200/);
  assert.deepEqual(Deno.readFileSync(environment.path), before);
});
