import type { Message, RedisBackend } from "./backend.ts";
import { type Bytes, toText } from "./bytes.ts";

export interface SubscriptionCall {
  readonly channels: readonly Bytes[];
  readonly by: "channel" | "pattern";
}

/**
 * Opens the event stream that the official client reads: `data: message,<channel>,<payload>`, and
 * `pmessage,<pattern>,<channel>,<payload>` for patterns. The subscriptions are active when the
 * promise resolves, and end with the stream.
 */
export async function openSubscription(
  backend: RedisBackend,
  { channels, by }: SubscriptionCall,
): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  const ends: (() => Promise<void>)[] = [];
  const { readable, push, close } = createEventSource(async () => {
    await Promise.all(ends.map((end) => end()));
  });
  const send = (words: readonly Bytes[]) => push(encoder.encode(toEvent(words.map(toText))));
  const onMessage = ({ pattern, channel, payload }: Message) =>
    send(
      pattern === undefined
        ? ["message", channel, payload]
        : ["pmessage", pattern, channel, payload],
    );
  for (const [index, channel] of channels.entries()) {
    ends.push(await backend.subscribe({ channel, kind: by, onMessage, onEnd: close }));
    send([by === "pattern" ? "psubscribe" : "subscribe", channel, String(index + 1)]);
  }
  return readable;
}

/**
 * A line break inside the payload begins a new `data:` line, as the event stream format requires.
 */
function toEvent(words: readonly string[]): string {
  const lines = words.join(",").split(/\r\n|\r|\n/);
  return lines.map((line) => `data: ${line}\n`).join("") + "\n";
}

function createEventSource(onCancel: () => Promise<void>) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const readable = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel() {
      controller = undefined;
      return onCancel();
    },
  });
  return {
    readable,
    push: (event: Uint8Array) => controller?.enqueue(event),
    close() {
      controller?.close();
      controller = undefined;
    },
  };
}
