import assert from "node:assert/strict";
import { answeredLine, openStore } from "../../tests/support/observed.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { createAnnouncer } from "./announcer.ts";
import { createOwnTraces } from "./own_traces.ts";
import { findRequest } from "./requests.ts";
import type { Stream } from "./stream.ts";

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
