import assert from "node:assert/strict";
import { openWorkspace } from "../workspace/workspace.ts";
import { forEachLine } from "./processes.ts";
import { openLogFiles } from "./log_files.ts";
import { createLogs } from "./logs.ts";
import { createAnsi } from "../terminal/text.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const requestLine = JSON.stringify({
  time: "2026-03-01T09:30:00.000Z",
  level: "info",
  service: "gateway",
  traceId,
  message: "Request completed",
  method: "GET",
  path: "/courses",
  route: "/courses",
  status: 200,
  code: "token_expired",
  durationMs: 12.3,
});

async function setup({ isColoured = false } = {}) {
  const path = await Deno.makeTempDir();
  const workspace = openWorkspace(path);
  const shown: string[] = [];
  const ansi = createAnsi(isColoured);
  const logs = createLogs({ workspace, ansi, print: (line) => shown.push(line), now: () => 0 });
  logs.showAll(true);
  return {
    workspace,
    logs,
    shown,
    stored: (service: string) => Deno.readTextFileSync(workspace.at("logs", `${service}.jsonl`)),
    async [Symbol.asyncDispose]() {
      logs.close();
      await Deno.remove(path, { recursive: true });
    },
  };
}

const child = { name: "edgepass", isError: false };

Deno.test("a log line is shown in short under its service's name, and stored unchanged", async () => {
  await using fixture = await setup();
  fixture.logs.receive(requestLine, child);
  const [line = ""] = fixture.shown;
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.000 gateway +INFO +Request completed GET \/courses 200 12\.3 ms code=token_expired #0af76519$/,
  );
  assert.equal(fixture.stored("gateway"), requestLine + "\n");
});

Deno.test("a warning of the start is shown once it has succeeded if it is about settings, and only then", async () => {
  const path = await Deno.makeTempDir();
  const shown: string[] = [];
  const logs = createLogs({
    workspace: openWorkspace(path),
    ansi: createAnsi(false),
    print: (line) => shown.push(line),
    now: () => 1,
  });
  const write = (message: string, about?: string) => {
    const line = { time: new Date(0).toISOString(), level: "warn", service: "gateway", message };
    logs.receive(JSON.stringify({ ...line, about }), child);
  };
  try {
    write("Key set is away");
    write("A prefix is shadowed", "settings");
    assert.equal(shown.length, 0);
    logs.showAll(true);
    assert.deepEqual(shown.map((line) => line.replace(/.*WARN +/, "")), ["A prefix is shadowed"]);
  } finally {
    logs.close();
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a listener gets every line except wrangler's duplicates of the gateway's", async () => {
  await using fixture = await setup();
  const received: string[] = [];
  fixture.logs.listen(({ service, level, message }) =>
    received.push(`${service} ${level} ${message}`)
  );
  fixture.logs.showAll(false);
  fixture.logs.receive(requestLine, child);
  fixture.logs.receive("panicked at main", { ...child, isError: true });
  fixture.logs.receive("[wrangler:info] GET /courses 200 OK (3ms)", child);
  fixture.logs.receive("", child);
  fixture.logs.report("warn", "Ending");
  assert.deepEqual(received, [
    "gateway info Request completed",
    "edgepass error panicked at main",
    "dev warn Ending",
  ]);
});

Deno.test("an error is shown by its message and its cause", async () => {
  await using fixture = await setup();
  const cause = {
    name: "RedisUnavailable",
    message: "Redis is away",
    cause: { message: "refused" },
  };
  const failed = { ...JSON.parse(requestLine), level: "error", message: "Broken", cause };
  fixture.logs.receive(JSON.stringify(failed), child);
  assert.match(fixture.shown[0] ?? "", / cause=Redis is away: refused #/);
});

Deno.test("a line that is not a log line is shown under the process's name, and stored as JSON", async () => {
  await using fixture = await setup();
  fixture.logs.receive("Listening on\tport 1", { ...child, isError: true });
  fixture.logs.receive('{"level":"info"}', child);
  assert.match(fixture.shown[0] ?? "", /^ +edgepass +Listening on\tport 1$/);
  assert.deepEqual(fixture.stored("edgepass").trim().split("\n").map((line) => JSON.parse(line)), [
    {
      time: "1970-01-01T00:00:00.000Z",
      level: "error",
      service: "edgepass",
      message: "Listening on\tport 1",
    },
    {
      time: "1970-01-01T00:00:00.000Z",
      level: "info",
      service: "edgepass",
      message: '{"level":"info"}',
    },
  ]);
});

Deno.test("a service's name never leads out of the folder of logs", async () => {
  await using fixture = await setup();
  fixture.logs.receive(requestLine.replace('"gateway"', '"../keys/x"'), child);
  assert.ok(fixture.stored("edgepass").includes("../keys/x"));
});

Deno.test("while the system starts only warnings are shown, and all lines are stored", async () => {
  await using fixture = await setup();
  fixture.logs.showAll(false);
  fixture.logs.receive(requestLine, child);
  fixture.logs.receive("Check file:///x.ts", child);
  fixture.logs.receive(requestLine.replace('"info"', '"warn"'), child);
  assert.equal(fixture.shown.length, 1);
  assert.equal(fixture.stored("gateway").trim().split("\n").length, 2);
});

Deno.test("levels have colours where colours are enabled", async () => {
  await using fixture = await setup({ isColoured: true });
  for (const level of ["debug", "info", "warn", "error"]) {
    fixture.logs.receive(requestLine.replace('"info"', `"${level}"`), child);
  }
  const colours = fixture.shown.map((line) =>
    line.split(/(?=DEBUG|INFO|WARN|ERROR)/)[0]?.slice(-3)
  );
  assert.equal(new Set(colours).size, 4);
});

Deno.test("a log file is bounded, and one old file remains", async () => {
  await using fixture = await setup();
  const files = openLogFiles(fixture.workspace, { maxBytes: 100 });
  const line = "x".repeat(39);
  for (let at = 0; at < 7; at++) files.write("course", `${at}${line.slice(1)}`);
  files.close();
  const sizeOf = (name: string) => Deno.statSync(fixture.workspace.at("logs", name)).size;
  assert.equal(sizeOf("course.jsonl"), 40);
  assert.equal(sizeOf("course.old.jsonl"), 80);
  assert.ok(fixture.stored("course").startsWith("6"));
});

Deno.test("lines are reassembled from chunks of any size", async () => {
  const bytes = new TextEncoder().encode("ä one\r\ntwo\n\nlast");
  const lines: string[] = [];
  await forEachLine(ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte))), (line) => {
    lines.push(line);
  });
  assert.deepEqual(lines, ["ä one", "two", "", "last"]);
});

Deno.test("a line without end is cut and not buffered in memory", async () => {
  const lines: string[] = [];
  const pieces = Array.from({ length: 40 }, () => new Uint8Array(10_000).fill(120));
  await forEachLine(ReadableStream.from(pieces), (line) => lines.push(line));
  assert.equal(lines.join("").length, 400_000);
  assert.ok(lines.every((line) => line.length <= 65_536));
});

Deno.test("lines that a full disk refuses are still shown, and later lines are stored again", async () => {
  const path = await Deno.makeTempDir();
  const workspace = openWorkspace(path);
  const shown: string[] = [];
  let room = Infinity;
  let elapsed = 0;
  const logs = createLogs({
    workspace,
    ansi: createAnsi(false),
    print: (line) => shown.push(line),
    now: () => 0,
    files: {
      elapsed: () => elapsed,
      writeSome(file, bytes) {
        if (room === 0) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
        const written = file.writeSync(bytes.subarray(0, room));
        room -= written;
        return written;
      },
    },
  });
  try {
    logs.showAll(true);
    logs.receive(requestLine, child);
    // The disk takes half of the next line.
    room = 40;
    logs.receive(requestLine, child);
    logs.receive(requestLine, child);
    room = Infinity;
    elapsed = 60_000;
    logs.receive(requestLine, child);
    const trouble = shown.filter((line) => line.includes(" dev ")).map((line) => line.slice(-60));
    assert.equal(shown.length, 6);
    assert.deepEqual(trouble.map((line) => /written( again)?/.exec(line)?.[0]), [
      "written",
      "written again",
    ]);
    const stored = Deno.readTextFileSync(workspace.at("logs", "gateway.jsonl"));
    assert.equal(stored, `${requestLine}\n${requestLine}\n`);
  } finally {
    logs.close();
    await Deno.remove(path, { recursive: true });
  }
});
