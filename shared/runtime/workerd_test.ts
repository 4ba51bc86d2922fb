import assert from "node:assert/strict";
import { expectProblem } from "../../tests/support/services.ts";
import type { Application } from "../composition/upstream.ts";
import { background, currentInvocation } from "../isolate.ts";
import { ConfigError } from "../composition/settings.ts";
import { worker } from "./workerd.ts";

const request = () =>
  new Request("http://api.test/x", { headers: { "cf-connecting-ip": "192.0.2.1" } });

function createContext() {
  const waited: Promise<unknown>[] = [];
  return { waited, waitUntil: (work: Promise<unknown>) => void waited.push(work) };
}

/** The output of `work` on the console's error stream. */
async function errorsOf(work: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (...parts: unknown[]) => void lines.push(parts.join(" "));
  try {
    await work();
  } finally {
    console.error = error;
  }
  return lines;
}

Deno.test("a Worker is composed by its first event and by no other", async () => {
  const seen: unknown[] = [];
  const { fetch, scheduled } = worker(({ A }) => {
    seen.push(A);
    return { fetch: () => new Response("ok") };
  });
  const context = createContext();
  const bindings = { A: "1" };
  await Promise.all([1, 2, 3].map(() => fetch(request(), bindings, context)));
  await scheduled({}, bindings, context);
  assert.deepEqual(seen, ["1"]);
});

Deno.test("an application receives the client's address and may continue after its response", async () => {
  const work = Promise.withResolvers<void>();
  const app: Application = {
    fetch() {
      background(work.promise, () => {});
      return new Response(currentInvocation()?.peerAddress ?? null);
    },
  };
  const context = createContext();
  const response = await worker(() => app).fetch(request(), {}, context);
  assert.equal(await response.text(), "192.0.2.1");
  // The application's work and the export of its telemetry.
  assert.equal(context.waited.length, 2);
  work.resolve();
  await Promise.all(context.waited);
});

const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
const broken = {
  "a setting that is missing": [
    new ConfigError("Cannot start: PASSPORT_KEYS is missing"),
    /^Cannot start: PASSPORT_KEYS is missing$/,
  ],
  "an unforeseen error": [
    new TypeError(`cannot import ${secret}`),
    /^\{.*"level":"error","service":"worker".*"Cannot start".*"cannot import \[opaque\]".*\}$/,
  ],
} as const;
for (const [what, [error, line]] of Object.entries(broken)) {
  Deno.test(`a Worker that fails by ${what} logs it in one line and tries again`, async () => {
    let attempts = 0;
    const { fetch, scheduled } = worker(() => {
      if (++attempts < 3) throw error;
      return { fetch: () => new Response("ok") };
    });
    const context = createContext();
    const lines = await errorsOf(async () => {
      const response = await fetch(request(), {}, context);
      const { traceId } = await response.clone().json();
      assert.equal(response.headers.get("x-trace-id"), traceId);
      await expectProblem(response, 500, "internal");
      await scheduled({}, {}, context);
    });
    assert.equal(lines.length, 2);
    for (const text of lines) assert.match(text, line);
    assert.ok(!lines.join("").includes(secret));
    assert.equal(await (await fetch(request(), {}, context)).text(), "ok");
  });
}

Deno.test("an application that throws is reported by the runtime", async () => {
  const failing: Application = {
    fetch() {
      throw new TypeError("fault");
    },
  };
  await assert.rejects(worker(() => failing).fetch(request(), {}, createContext()), TypeError);
});
