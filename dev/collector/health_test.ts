import assert from "node:assert/strict";
import { waitUntil } from "../../tests/support/wait.ts";
import type { Exit, Health } from "./api.ts";
import type { Finding } from "./checks.ts";
import { createHealth } from "./health.ts";

const gateway = { name: "gateway", pid: 7, port: 8787 };

function setup() {
  const clock = { now: 10_000 };
  const findings: Record<string, Finding> = {
    gateway: { state: "ready", reason: "" },
    redis: { state: "ready", reason: "" },
  };
  let checkCount = 0;
  const changes: Health[] = [];
  const exits: Exit[] = [];
  const check = (name: string) => () => {
    checkCount++;
    return Promise.resolve(findings[name] ?? { state: "down" as const, reason: "unknown" });
  };
  const health = createHealth({
    others: [{ name: "redis", kind: "redis", check: check("redis") }],
    checkProcess: ({ name }) => check(name),
    exits: () => exits,
    onChange: (changed) => changes.push(changed),
    now: () => clock.now,
    maxAgeMs: 2_000,
  });
  const read = async () => {
    const { parts } = await health.read();
    return Object.fromEntries(parts.map((part) => [`${part.kind} ${part.name}`, part]));
  };
  return { clock, findings, health, changes, exits, read, checkCount: () => checkCount };
}

Deno.test("each part has its state, its reason and its time", async () => {
  const { health, read, findings, clock } = setup();
  health.started(gateway);
  assert.deepEqual(await read(), {
    "redis redis": { name: "redis", kind: "redis", state: "ready", reason: "", since: 10_000 },
    "process gateway": {
      name: "gateway",
      kind: "process",
      pid: 7,
      state: "ready",
      reason: "",
      since: 10_000,
    },
    "http gateway": {
      name: "gateway",
      kind: "http",
      port: 8787,
      state: "ready",
      reason: "",
      since: 10_000,
    },
  });
  findings.gateway = { state: "not ready", reason: "revocation: Redis is not there" };
  clock.now = 13_000;
  const later = await read();
  assert.equal(later["http gateway"]?.reason, "revocation: Redis is not there");
  assert.equal(later["http gateway"]?.since, 13_000);
  assert.equal(later["redis redis"]?.since, 10_000);
});

Deno.test("parts are checked on a read, and not again within two seconds", async () => {
  const { health, read, clock, checkCount } = setup();
  health.started(gateway);
  assert.equal(checkCount(), 0);
  await Promise.all([read(), read()]);
  assert.equal(checkCount(), 2);
  clock.now += 1_999;
  await read();
  assert.equal(checkCount(), 2);
  clock.now += 1;
  await read();
  assert.equal(checkCount(), 4);
});

Deno.test("a clock that was set back does not prevent checks", async () => {
  const { read, clock, checkCount } = setup();
  await read();
  clock.now -= 1_000_000;
  await read();
  assert.equal(checkCount(), 2);
});

Deno.test("only changes are published", async () => {
  const { health, read, clock, findings, changes } = setup();
  health.started(gateway);
  await read();
  const published = changes.length;
  clock.now += 5_000;
  await read();
  assert.equal(changes.length, published);
  findings.redis = { state: "down", reason: "the connection was refused" };
  clock.now += 5_000;
  await read();
  assert.equal(changes.length, published + 1);
  assert.equal(changes.at(-1)?.parts[0]?.state, "down");
});

Deno.test("a process that ended is down, whatever its port responds", async () => {
  const { health, read, exits } = setup();
  health.started(gateway);
  await read();
  const exit = { name: "gateway", code: null, signal: "SIGKILL" };
  exits.push({ ...exit, time: 1, lastLines: [], inFlight: [], isExpected: false });
  health.ended("gateway", "ended by SIGKILL");
  const parts = await read();
  assert.deepEqual(
    [parts["process gateway"]?.state, parts["process gateway"]?.reason],
    ["down", "ended by SIGKILL"],
  );
  assert.deepEqual(
    [parts["http gateway"]?.state, parts["http gateway"]?.reason],
    ["down", "its process has ended"],
  );
  assert.equal((await health.read()).exits.length, 1);
});

Deno.test("a late result of a process that ended is ignored", async () => {
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const health = createHealth({
    others: [],
    checkProcess: () => () => promise,
    exits: () => [],
    onChange: () => {},
    now: () => 0,
  });
  health.started(gateway);
  const reading = health.read();
  health.ended("gateway", "ended by SIGKILL");
  resolve({ state: "ready", reason: "" });
  const { parts } = await reading;
  assert.deepEqual(parts.map(({ state }) => state), ["down", "down"]);
});

Deno.test("a change after a gap without checks has its earliest possible time", async () => {
  const { health, read, findings, clock } = setup();
  health.started(gateway);
  await read();
  clock.now = 15_000;
  findings.gateway = { state: "down", reason: "the connection was refused" };
  assert.equal((await read())["http gateway"]?.notBefore, undefined, "looked at in time");
  clock.now = 900_000;
  findings.gateway = { state: "ready", reason: "" };
  const { since, notBefore } = (await read())["http gateway"] ?? {};
  assert.deepEqual([since, notBefore], [900_000, 15_000]);
  assert.equal((await read())["redis redis"]?.since, 10_000, "an unchanged part keeps its time");
});

Deno.test("an observed exit has its exact time, however old the last check is", async () => {
  const { health, read, clock } = setup();
  health.started(gateway);
  await read();
  clock.now = 900_000;
  health.ended("gateway", "ended by SIGKILL");
  const parts = await read();
  for (const kind of ["process", "http"]) {
    assert.equal(parts[`${kind} gateway`]?.since, 900_000);
    assert.equal(parts[`${kind} gateway`]?.notBefore, undefined);
  }
});

Deno.test("a starting part is ready since its response, not since the page was opened", async () => {
  const clock = { now: 1_000 };
  const isReady = Promise.withResolvers<void>();
  let checkCount = 0;
  const health = createHealth({
    others: [],
    checkProcess: () => () => {
      const state = (["starting", "not ready"] as const)[checkCount++];
      if (state) return Promise.resolve({ state, reason: "not yet" });
      clock.now = 3_000;
      return Promise.resolve({ state: "ready" as const, reason: "" });
    },
    exits: () => [],
    onChange: ({ parts }) => {
      if (parts.every(({ state }) => state === "ready")) isReady.resolve();
    },
    now: () => clock.now,
    settleEveryMs: 1,
  });
  health.started(gateway);
  await isReady.promise;
  clock.now = 900_000;
  const { parts } = await health.read();
  assert.deepEqual(parts.map(({ kind, since }) => [kind, since]), [
    ["process", 1_000],
    ["http", 3_000],
  ]);
  health.close();
});

Deno.test("a part that never gets ready is not checked for ever without an open page", async () => {
  const clock = { now: 0 };
  let checkCount = 0;
  const health = createHealth({
    others: [],
    checkProcess: () => () => {
      clock.now = ++checkCount < 3 ? 0 : 60_001;
      return Promise.resolve({ state: "not ready" as const, reason: "no" });
    },
    exits: () => [],
    onChange: () => {},
    now: () => clock.now,
    settleEveryMs: 1,
  });
  health.started(gateway);
  await waitUntil("it was checked until then", () => checkCount === 3, 5_000);
  // Timers of one length run in their order: each of these is behind one of the board's.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(checkCount, 3);
  health.close();
});

Deno.test("a watcher receives the first result without a read", async () => {
  const { promise, resolve } = Promise.withResolvers<Health>();
  const health = createHealth({
    others: [{
      name: "redis",
      kind: "redis",
      check: () => Promise.resolve({ state: "ready", reason: "" }),
    }],
    checkProcess: () => () => Promise.resolve({ state: "ready", reason: "" }),
    exits: () => [],
    onChange: resolve,
    now: () => 0,
  });
  health.watch(true);
  assert.equal((await promise).parts[0]?.state, "ready");
  health.watch(false);
  health.close();
});
