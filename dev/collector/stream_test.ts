import assert from "node:assert/strict";
import { createAnnouncer, createStream, type Stream } from "./stream.ts";
import { answeredLine, openStore } from "../../tests/support/observed.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { createOwnTraces } from "./own_traces.ts";
import { findRequest } from "./lists.ts";

/** Reads a stream as text, piece by piece. */
function subscribe(response: Response) {
  const reader = response.body?.getReader();
  assert.ok(reader);
  const decoder = new TextDecoder();
  return {
    async until(part: string): Promise<string> {
      for (let text = "";;) {
        const { value, done } = await reader.read();
        if (done) assert.fail(`It ended without ${part}: ${text}`);
        text += decoder.decode(value, { stream: true });
        if (text.includes(part)) return text;
      }
    },
    async rest(): Promise<string> {
      for (let text = "";;) {
        const { value, done } = await reader.read();
        if (done) return text;
        text += decoder.decode(value, { stream: true });
      }
    },
    leave: () => reader.cancel(),
  };
}

Deno.test("every open page receives every event, with growing ids", async () => {
  const stream = createStream();
  const response = stream.open();
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const [a, b] = [subscribe(response), subscribe(stream.open())];
  stream.publish("log", { message: "line\nbreak" });
  stream.publish("metrics", { at: 1 });
  for (const listener of [a, b]) {
    const text = await listener.until("metrics");
    assert.match(text, /event: log\nid: 1\ndata: \{"message":"line\\nbreak"\}\n\n/);
    assert.match(text, /event: metrics\nid: 2\n/);
    await listener.leave();
  }
  assert.equal(stream.size(), 0);
});

Deno.test("a client that does not read is disconnected, and the others still receive events", async () => {
  const stream = createStream({ maxWaiting: 2_000 });
  const slow = stream.open();
  const quick = subscribe(stream.open());
  for (let at = 0; stream.size() === 2; at++) {
    assert.ok(at < 100, "the slow client is still there");
    stream.publish("log", { message: "x".repeat(100), at });
    await quick.until(`"at":${at}`);
  }
  await assert.rejects(new Response(slow.body).text(), /reads too slowly/);
  stream.publish("metrics", { at: 0 });
  await quick.until("metrics");
  await quick.leave();
});

Deno.test("an idle stream sends a keep-alive", async () => {
  const stream = createStream({ heartbeatMs: 1 });
  const listener = subscribe(stream.open());
  await listener.until(": still here");
  await listener.leave();
});

Deno.test("the audience callback runs for the first client and after the last one", async () => {
  const audience: boolean[] = [];
  const stream = createStream({ onAudience: (isThere) => audience.push(isThere) });
  const [a, b] = [subscribe(stream.open()), subscribe(stream.open())];
  await a.leave();
  assert.deepEqual(audience, [true]);
  await b.leave();
  assert.deepEqual(audience, [true, false]);
  await subscribe(stream.open()).leave();
  assert.deepEqual(audience, [true, false, true, false]);
});

Deno.test("closing the stream ends it for every client", async () => {
  const stream = createStream();
  const listener = subscribe(stream.open());
  stream.close();
  assert.equal(await listener.rest(), "retry: 1000\n\n");
  assert.equal(stream.size(), 0);
});

interface Published {
  readonly event: string;
  readonly data: { readonly traceId: string | null; readonly isOwn?: true };
}

Deno.test("the stream marks requests and lines of the dashboard's own calls, and no others", async () => {
  await using fixture = await openStore();
  const traces = createOwnTraces(fixture.db);
  const published: Published[] = [];
  const stream: Stream = {
    open: () => new Response(),
    // The announcer publishes rows and lines, and both have these members.
    publish: (event, data) => void published.push({ event, data: data as Published["data"] }),
    size: () => 1,
    close() {},
  };
  const announcer = createAnnouncer({
    stream,
    findRequest: (id) => findRequest(fixture.db, id),
    isOwn: traces.has,
    everyMs: 1,
  });
  // Before the gateway has responded: the span and the line may come first.
  const [, own = ""] = traces.begin().split("-");
  const other = "f".repeat(32);
  const lines = [own, other].map((traceId, at) => answeredLine(traceId, { time: 1000 + at }));
  announcer.publish(fixture.store.write({ lines }));
  await waitUntil("all is published", () => published.length === 4, 5_000);
  announcer.close();
  for (const { event, data } of published) {
    assert.equal(data.isOwn, data.traceId === own ? true : undefined, event);
  }
});
