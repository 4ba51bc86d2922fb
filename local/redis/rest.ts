import { createTokenCheck } from "../loopback.ts";
import {
  type Bytes,
  type Command,
  discarded,
  type Encoding,
  type Failure,
  failureJson,
  isFailure,
  itemJson,
  type Message,
  type RedisBackend,
  RedisUnavailable,
  type Reply,
  toText,
} from "./protocol.ts";
import { BadRequest, readRestCall, type RestCall } from "./rest_request.ts";

export interface RedisRestOptions {
  readonly backend: RedisBackend;
  /** The bearer token that every request needs. */
  readonly token: string;
  /** Default 10 MB, as Upstash's smallest limit. */
  readonly maxBodyBytes?: number;
  /** Receives failures that are no reply of Redis; the client gets only their kind. */
  readonly onError?: (cause: unknown) => void;
}

const defaultMaxBodyBytes = 10 * 1024 * 1024;

/**
 * Creates the REST endpoint for the official `@upstash/redis` client.
 *
 * `POST /` takes a command as JSON array, `/pipeline` and `/multi-exec` take several, `/get/foo` is
 * a command by its path, `/subscribe/…` and `/psubscribe/…` are event streams. Responses are
 * `{"result"}` or, with 400, `{"error"}`; 401 without the token, 413 for a body over the limit, 503
 * when the Redis behind cannot be reached. `Upstash-Encoding: base64` encodes every string.
 *
 * @throws {RangeError} if the token is empty
 */
export function createRedisRest(
  options: RedisRestOptions,
): (request: Request) => Promise<Response> {
  const { backend, token, maxBodyBytes = defaultMaxBodyBytes, onError = () => {} } = options;
  if (token === "") throw new RangeError("Cannot serve Redis: the token is empty");
  const isAuthorized = createTokenCheck(token);
  let served = 0;

  return async function redisRest(request: Request): Promise<Response> {
    const response = await respond(request).catch((cause) => {
      if (cause instanceof BadRequest) {
        return json(cause.status, failureJson({ error: cause.message }));
      }
      onError(cause);
      return toOutage(cause);
    });
    response.headers.set("upstash-sync-token", `edgepass:${++served}`);
    return response;
  };

  async function respond(request: Request): Promise<Response> {
    if (!isAuthorized(request, new URL(request.url).searchParams.get("_token") ?? "")) {
      await request.body?.cancel();
      return json(401, failureJson({ error: "Unauthorized" }));
    }
    const call = await readRestCall(request, maxBodyBytes);
    const encoding = request.headers.get("upstash-encoding")?.toLowerCase() === "base64"
      ? "base64"
      : "plain";
    return await perform(backend, call, encoding);
  }
}

async function perform(
  backend: RedisBackend,
  call: RestCall,
  encoding: Encoding,
): Promise<Response> {
  if (call.kind === "subscription") {
    const events = await openSubscription(backend, call);
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
    return new Response(events, { headers });
  }
  if (call.kind === "command") {
    const reply = await execute(backend, call.command);
    return json(isFailure(reply) ? 400 : 200, itemJson(reply, encoding));
  }
  const replies = call.kind === "pipeline"
    ? await Promise.all(call.commands.map((command) => execute(backend, command)))
    : await transact(backend, call.commands);
  if ("error" in replies) return json(400, failureJson(replies));
  return json(200, `[${replies.map((reply) => itemJson(reply, encoding)).join(",")}]`);
}

function execute(backend: RedisBackend, command: Command): Promise<Reply> {
  const refused = refuseConnectionCommand(command);
  return refused ? Promise.resolve(refused) : backend.execute(command);
}

async function transact(
  backend: RedisBackend,
  commands: readonly Command[],
): Promise<readonly Reply[] | Failure> {
  const refused = commands.map(refuseConnectionCommand).find((failure) => failure !== undefined);
  return refused ? discarded(refused.error) : await backend.multi(commands);
}

function toOutage(cause: unknown): Response {
  return cause instanceof RedisUnavailable
    ? json(503, failureJson({ error: `ERR ${cause.message}` }))
    : json(500, failureJson({ error: "ERR internal error" }));
}

function json(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

/**
 * Commands that no REST request may send: they change or hold the connection, which all requests
 * share, or stop the server.
 */
const connectionCommands = new Set(
  ("MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE " +
    "SUNSUBSCRIBE MONITOR AUTH HELLO SELECT SWAPDB QUIT RESET CLIENT READONLY READWRITE ASKING " +
    "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF SYNC PSYNC " +
    "REPLCONF REPLICAOF SLAVEOF SHUTDOWN FAILOVER").split(" "),
);
const mayBlock = new Set(["XREAD", "XREADGROUP"]);

/** Refuses a command that is not available over REST. */
export function refuseConnectionCommand([name = "", ...args]: Command): Failure | undefined {
  const upper = name.toUpperCase();
  const blocks = mayBlock.has(upper) && args.some((word) => word.toUpperCase() === "BLOCK");
  if (!connectionCommands.has(upper) && !blocks) return undefined;
  return { error: `ERR Command is not available over REST: '${toText(name).slice(0, 128)}'` };
}

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
