import { Client } from "@upstash/qstash";
import assert from "node:assert/strict";
import { join } from "node:path";
import { openQstash } from "./mod.ts";
import {
  createDestination,
  createTestClock,
  createTestSystem,
} from "../../tests/support/qstash_system.ts";

function createFolder() {
  const dir = Deno.makeTempDirSync({ prefix: "qstash-" });
  return {
    file: join(dir, "state", "qstash.sqlite"),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

const token = "local-token";

Deno.test("messages, dead letters, log and settings survive a restart", async () => {
  using folder = createFolder();
  const clock = createTestClock();
  const options = { path: folder.file, now: clock.now, after: clock.after };
  let keys;
  const before = {
    async [Symbol.asyncDispose]() {
      await this.system?.[Symbol.asyncDispose]();
    },
    system: createTestSystem({ ...options, respond: () => new Response(null, { status: 500 }) }),
  };
  {
    await using first = before;
    const { client, url, qstash } = first.system;
    keys = qstash.keys();
    await client.publish({ url: `${url}/dead`, body: "dead", retries: 0 });
    await first.system.step();
    await client.publish({ url: `${url}/later`, body: "later", delay: 60, deduplicationId: "d" });
    await client.schedules.create({ destination: `${url}/s`, cron: "0 * * * *", scheduleId: "s" });
    await client.queue({ queueName: "line" }).upsert({ parallelism: 3, paused: true });
    await client.urlGroups.addEndpoints({ name: "all", endpoints: [{ url }] });
    await first.system.send("PUT", "/v2/local/faults", { body: '{"delay":0.5}' });
  }
  await using system = createTestSystem(options);
  const { client, qstash } = system;
  assert.deepEqual(qstash.keys(), keys);
  const { messages } = await client.dlq.listMessages();
  assert.deepEqual(messages.map(({ body }) => body), ["dead"]);
  assert.deepEqual((await client.schedules.list()).map(({ scheduleId }) => scheduleId), ["s"]);
  const [queue] = await client.queue().list();
  assert.deepEqual([queue?.name, queue?.parallelism, queue?.paused], ["line", 3, true]);
  assert.deepEqual((await client.urlGroups.list()).map(({ name }) => name), ["all"]);
  assert.equal((await system.send("GET", "/v2/local/faults")).body.delay, 0.5);
  const again = await client.publish({ url: system.url, body: "later", deduplicationId: "d" });
  assert.equal(again.deduplicated, true);
  assert.equal((await client.messages.get(again.messageId)).body, "later");
  assert.equal((await client.logs({ messageIds: [again.messageId] })).logs.length, 1);
});

Deno.test("a delivery that a restart interrupts is repeated", async () => {
  using folder = createFolder();
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let deliveries = 0;
  const keys = { current: "current-key", next: "next-key" };
  const destination = createDestination(() => keys, async () => {
    if (++deliveries > 1) return new Response();
    entered.resolve();
    await gate.promise;
    return new Response();
  });
  const clock = createTestClock();
  const options = { token, path: folder.file, keys, now: clock.now, after: clock.after };
  const first = openQstash(options);
  const published = await first.handler(
    new Request(`http://qstash.test/v2/publish/${destination.url}/x`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: "x",
    }),
  );
  await published.body?.cancel();
  const stepping = first.step();
  await entered.promise;
  await first.close();
  await stepping;
  gate.resolve();
  const second = openQstash(options);
  await second.step();
  await second.step();
  assert.equal(deliveries, 2);
  await second.close();
  await destination.close();
});

Deno.test("a second process cannot open the file", async () => {
  using folder = createFolder();
  const qstash = openQstash({ token, path: folder.file });
  assert.throws(() => openQstash({ token, path: folder.file }), /another process/);
  await qstash.close();
  await openQstash({ token, path: folder.file }).close();
  assert.equal(Deno.statSync(folder.file).mode! & 0o777, 0o600);
});

/** Starts a QStash as a process of its own and waits for its address. */
async function startProcess(file: string) {
  const main = new URL("./main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", main, "--file", file],
    env: { QSTASH_TOKEN: token, QSTASH_CURRENT_SIGNING_KEY: "c", QSTASH_NEXT_SIGNING_KEY: "n" },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The local QStash ended before it served");
    text += value;
  }
  const end = async (signal: Deno.Signal) => {
    child.kill(signal);
    await reader.cancel();
    return await child.status;
  };
  return { url: JSON.parse(text).url as string, end };
}

Deno.test("a killed process loses no message whose publish got a response", async () => {
  using folder = createFolder();
  const accepted = new Set<string>();
  const delivered = new Set<string>();
  let wake = () => {};
  const destination = createDestination(() => ({ current: "c", next: "n" }), ({ headers }) => {
    delivered.add(headers.get("upstash-message-id") ?? "");
    wake();
    return new Response();
  });
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      wake = () => condition() && resolve();
      wake();
    });
  const publish = async (url: string) => {
    const client = new Client({ baseUrl: url, token, retry: false, devMode: false });
    const messages = Array.from({ length: 40 }, (_, n) => ({
      url: `${destination.url}/x`,
      body: String(n),
    }));
    const published = await client.batch(messages);
    for (const one of [published].flat(2)) if ("messageId" in one) accepted.add(one.messageId);
  };
  const warnings = [console.warn, console.error] as const;
  // The client logs that its request failed, which a kill is meant to cause.
  [console.warn, console.error] = [() => {}, () => {}];
  try {
    for (const round of [1, 2, 3]) {
      const child = await startProcess(folder.file);
      const publishing = Promise.allSettled(Array.from({ length: 8 }, () => publish(child.url)));
      await until(() => delivered.size >= round * 25);
      const status = await child.end("SIGKILL");
      assert.equal(status.signal, "SIGKILL");
      await publishing;
    }
    const last = await startProcess(folder.file);
    await publish(last.url);
    await until(() => [...accepted].every((id) => delivered.has(id)));
    assert.equal((await last.end("SIGTERM")).code, 0);
  } finally {
    [console.warn, console.error] = warnings;
    await destination.close();
  }
  assert.ok(accepted.size >= 40);
  assert.deepEqual(destination.forged, []);
});
