import assert from "node:assert/strict";
import { exportRequest, lineOf } from "../../tests/support/observed.ts";
import { acceptedTrace, toTraceBody, traceIdOf } from "../../tests/support/otlp.ts";
import type { Health, Page, RequestRow, State } from "./api.ts";
import { inFlightFile } from "./last_run.ts";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { storeFile } from "./database.ts";
import { createObserver } from "./observer.ts";

const port = 8788;
const host = `127.0.0.1:${port}`;
const start = 1_772_000_000_000;
const traceId = traceIdOf(1);

async function setup() {
  const folder = await Deno.makeTempDir({ prefix: "edgepass-observe-" });
  const warnings: string[] = [];
  const open = () =>
    createObserver({
      folder,
      port,
      pid: 1,
      system: {
        mode: "together",
        startedAt: start - 5_000,
        gatewayOrigin: "http://127.0.0.1:8787",
        services: ["user"],
        redis: { url: "http://127.0.0.1:1", token: "t" },
        databases: [],
      },
      page: () => Promise.resolve({ serve: () => new Response("page") }),
      onWarning: (message) => warnings.push(message),
      now: () => start,
    });
  const observers: ReturnType<typeof open>[] = [];
  return {
    folder,
    warnings,
    open() {
      const observer = open();
      observers.push(observer);
      const get = async <Answer>(path: string): Promise<Answer> => {
        const request = new Request(`http://${host}${path}`, { headers: { host } });
        const response = await observer.fetch(request);
        assert.equal(response.status, 200, path);
        return await response.json();
      };
      return { ...observer, get };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function traceExport(): Request {
  const { body, headers, method } = exportRequest(toTraceBody(acceptedTrace({ traceId, start })), {
    host,
  });
  return new Request(`http://${host}/v1/traces`, { method, headers, body });
}

Deno.test("exported telemetry can be read, and is there again after a restart", async () => {
  await using fixture = await setup();
  const first = fixture.open();
  assert.equal((await first.fetch(traceExport())).status, 200);
  first.receive([lineOf({ traceId, message: "Course was read" })]);
  const { items } = await first.get<Page<RequestRow>>("/api/requests");
  assert.deepEqual(items.map((row) => [row.traceId, row.spans, row.logs]), [[traceId, 7, 1]]);
  first.close();
  const second = fixture.open();
  assert.deepEqual(await second.get<State>("/api/state"), {
    mode: "together",
    startedAt: start - 5_000,
    gateway: { origin: "http://127.0.0.1:8787" },
    now: start,
    counts: { requests: 1, logs: 1 },
  });
  assert.deepEqual(second.unreported(), []);
  second.close();
  assert.deepEqual(fixture.warnings, []);
});

Deno.test("an open page receives requests, lines and metrics", async () => {
  await using fixture = await setup();
  const observer = fixture.open();
  const request = new Request(`http://${host}/api/stream`, { headers: { host } });
  const reader = (await observer.fetch(request)).body?.getReader();
  assert.ok(reader);
  await observer.fetch(traceExport());
  observer.receive([lineOf({ traceId, message: "Course was read" })]);
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("event: log")) {
    const { value, done } = await reader.read();
    assert.ok(!done, text);
    text += decoder.decode(value, { stream: true });
  }
  const reported = [...text.matchAll(/event: request\nid: \d+\ndata: (.*)\n/g)];
  assert.equal(
    reported.length,
    1,
    "a request of which two things arrive at once is published once",
  );
  const row: RequestRow = JSON.parse(reported[0]?.[1] ?? "");
  assert.deepEqual([row.traceId, row.spans, row.logs], [traceId, 7, 1]);
  assert.match(text, /"message":"Course was read"/);
  observer.close();
  await reader.cancel().catch(() => {});
});

Deno.test("a process that dies is reported with its last lines and its open requests", async () => {
  await using fixture = await setup();
  const observer = fixture.open();
  observer.started({ name: "edgepass", pid: 9, port: 1 });
  const note = { b: 1, m: "GET", p: "/courses", t: start - 700 };
  Deno.writeTextFileSync(inFlightFile(fixture.folder, "edgepass"), JSON.stringify(note));
  const ending = { code: 137, signal: "SIGKILL", lastLines: ["panicked at main"] };
  observer.ended({ name: "edgepass", ...ending, isExpected: false });
  const exit = {
    name: "edgepass",
    ...ending,
    time: start,
    isExpected: false,
    inFlight: [{ traceId: null, method: "GET", path: "/courses", sinceMs: 700 }],
  };
  assert.deepEqual((await observer.get<Health>("/api/health")).exits, [exit]);
  observer.close();
  const next = fixture.open();
  assert.deepEqual(next.unreported(), [exit]);
  next.reported();
  assert.deepEqual(next.unreported(), []);
  next.close();
  const last = fixture.open();
  assert.deepEqual(last.unreported(), []);
  assert.equal((await last.get<Health>("/api/health")).exits.length, 1);
  last.close();
});

Deno.test("an intended exit is not reported", async () => {
  await using fixture = await setup();
  const observer = fixture.open();
  const ending = { name: "edgepass", code: 0, signal: null, lastLines: [] };
  observer.ended({ ...ending, isExpected: true });
  assert.deepEqual(observer.unreported(), []);
  assert.deepEqual((await observer.get<Health>("/api/health")).exits, []);
  observer.close();
});

Deno.test("a dev that was killed is reported at the next start, with its last lines", async () => {
  await using fixture = await setup();
  const before = fixture.open();
  before.receive([lineOf({ message: "Of a run before", level: "error", time: start - 1 })]);
  before.close();
  const killed = fixture.open();
  killed.receive([
    lineOf({
      message: "Broken",
      level: "error",
      traceId,
      time: start,
      fields: { code: "internal" },
    }),
  ]);
  // A kill leaves it behind, a proper end removes it.
  const marker = Deno.readTextFileSync(`${fixture.folder}/running.json`);
  killed.close();
  Deno.writeTextFileSync(`${fixture.folder}/running.json`, marker);
  const next = fixture.open();
  const [exit] = next.unreported();
  assert.deepEqual([exit?.name, exit?.code, exit?.signal], ["dev", null, null]);
  assert.equal(exit?.lastLines.length, 1);
  assert.match(exit?.lastLines[0] ?? "", /"message":"Broken","code":"internal"/);
  next.close();
});

Deno.test("a store that cannot be written, as on a full disk, ends nothing and is reported once", async () => {
  await using fixture = await setup();
  const observer = fixture.open();
  const crash = { name: "edgepass", code: 1, signal: null, lastLines: [], isExpected: false };
  observer.ended(crash);
  const other = new DatabaseSync(join(fixture.folder, storeFile));
  const tables = other.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%VIRTUAL%'",
  ).all();
  for (const { name } of tables) {
    for (const change of ["INSERT", "UPDATE", "DELETE"]) {
      other.exec(`CREATE TRIGGER "${name} ${change}" BEFORE ${change} ON "${name}"
        BEGIN SELECT raise(ABORT, 'database or disk is full'); END`);
    }
  }
  other.close();
  observer.receive([lineOf({ message: "lost" })]);
  observer.noteDeliveries([{
    time: start,
    state: "delivered",
    messageId: "m1",
    consumer: "course",
    status: 200,
    outcome: null,
    nextAt: null,
    eventId: "e1",
    type: "user.deleted",
    subject: "u1",
    source: "user",
    storedAt: start,
    traceId,
  }]);
  observer.ended(crash);
  observer.reported();
  // A marker that cannot be removed.
  const marker = join(fixture.folder, "running.json");
  Deno.removeSync(marker);
  Deno.mkdirSync(join(marker, "full"), { recursive: true });
  observer.close();
  const lost = fixture.warnings.filter((warning) => warning.includes("cannot be written"));
  assert.equal(lost.length, 1, fixture.warnings.join("\n"));
});
