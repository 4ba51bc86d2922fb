import assert from "node:assert/strict";
import { ApiFailure } from "../system/api_client.ts";
import { StartError } from "../workspace/start.ts";
import { runConfig } from "./config.ts";
import type { JsonValue } from "./document_path.ts";

/** A system with a document; `race` runs before each change, as a second administrator. */
function setup(initial: { readonly [name: string]: JsonValue } = {}) {
  const state = { version: 4, document: initial };
  const calls: [method: string, path: string, body: unknown][] = [];
  let race = (): void => {};
  const current = () => Promise.resolve({ ...state, changed: ["a"] });
  const call = (method: string, path: string, body?: unknown): Promise<unknown> => {
    calls.push([method, path, body]);
    if (method === "GET" && path.includes("/history")) {
      const change = { changedAt: "2026-01-05T09:30:00.000Z", changedBy: "somebody" };
      const items = [{ version: 4, ...change, comment: "Why", changed: ["gateway.logLevel", "b"] }];
      return Promise.resolve({ items });
    }
    if (method !== "PUT") return current();
    race();
    const proposed = body as { ifVersion: number; document: typeof initial };
    if (proposed.ifVersion !== state.version) {
      return Promise.reject(new ApiFailure("PUT /admin/configuration", 409, "conflict"));
    }
    if ("bad" in proposed.document) {
      const details = [{ path: "document.bad", message: "is unknown" }];
      const code = "validation_failed";
      return Promise.reject(new ApiFailure("PUT /admin/configuration", 422, code, details));
    }
    if (JSON.stringify(state.document) !== JSON.stringify(proposed.document)) state.version++;
    state.document = proposed.document;
    return current();
  };
  const run = (...args: string[]) => runConfig(args, (work) => work(call));
  return { run, state, calls, raceWith: (other: () => void) => race = other };
}

Deno.test("config get shows the document, or the value at a path", async () => {
  const { run } = setup({ gateway: { logLevel: "debug" } });
  assert.deepEqual(JSON.parse((await run("get")).text), { gateway: { logLevel: "debug" } });
  assert.deepEqual(await run("get", "gateway.logLevel"), { text: '"debug"', code: 0 });
  assert.equal((await run("get", "gateway.nothing")).code, 1);
});

Deno.test("config set takes JSON or a word, and reports the current version", async () => {
  const { run, state } = setup();
  assert.deepEqual(await run("set", "gateway.logLevel", "debug"), {
    text: "Version 5 is current: a",
    code: 0,
  });
  await run("set", "gateway.passportTtlSeconds", "20");
  await run("set", "gateway.routes.+", '{"prefix":"/echo"}');
  assert.deepEqual(state.document, {
    gateway: { logLevel: "debug", passportTtlSeconds: 20, routes: [{ prefix: "/echo" }] },
  });
  assert.match((await run("set", "gateway.logLevel", "debug")).text, /contains this value already/);
  await run("unset", "gateway.routes");
  assert.deepEqual(state.document, { gateway: { logLevel: "debug", passportTtlSeconds: 20 } });
});

Deno.test("a concurrent change is preserved", async () => {
  const { run, state, raceWith } = setup();
  raceWith(() => {
    if (state.version > 4) return;
    state.version = 5;
    state.document = { keys: {} };
  });
  assert.equal((await run("set", "gateway.logLevel", "debug")).code, 0);
  assert.deepEqual(state.document, { keys: {}, gateway: { logLevel: "debug" } });
});

Deno.test("config set gives up after repeated conflicts and reports them", async () => {
  const { run, state, raceWith } = setup();
  raceWith(() => void state.version++);
  const { text, code } = await run("set", "gateway.logLevel", "debug");
  assert.equal(code, 1);
  assert.match(text, /409 conflict/);
});

Deno.test("a refusal of a document names the path and the reason", async () => {
  const { run } = setup();
  const { text, code } = await run("set", "bad", "1");
  assert.equal(code, 1);
  assert.match(text, /422 validation_failed\n {2}document\.bad is unknown/);
});

Deno.test("config history shows authors and changes, and rollback requires a version", async () => {
  const { run, calls } = setup();
  const { text } = await run("history");
  assert.match(text, /^4 {2}2026-.* somebody {2}gateway\.logLevel, b {2}\(Why\)$/);
  assert.equal((await run("rollback", "2")).code, 0);
  assert.deepEqual(calls.at(-1), ["POST", "/admin/configuration/rollback", { version: 2 }]);
});

for (const args of [[], ["get", "a", "b"], ["set", "a"], ["unset"], ["rollback"], ["toString"]]) {
  Deno.test(`config ${args.join(" ")} shows how it is used`, async () => {
    const { text, code } = await setup().run(...args);
    assert.equal(code, 2);
    assert.match(text, /^Usage: /);
  });
}

Deno.test("a system that does not run is reported in one line", async () => {
  const open = () => Promise.reject(new StartError("no response on port 1"));
  const { text, code } = await runConfig(["get"], open);
  assert.deepEqual([code, text.includes("no response")], [1, true]);
});
