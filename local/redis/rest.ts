import { createHash, timingSafeEqual } from "node:crypto";
import { type Command, discarded, type RedisBackend, RedisUnavailable } from "./backend.ts";
import { type Encoding, type Failure, failureJson, isFailure, itemJson } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { refuseConnectionCommand } from "./rest_commands.ts";
import { BadRequest, readRestCall, type RestCall } from "./rest_request.ts";
import { openSubscription } from "./rest_subscription.ts";

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
  const expected = digest(token);
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
    if (!isAuthorized(request, expected)) {
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

/**
 * Compares digests: comparing the texts would leak the token's content and length by the time it
 * takes.
 */
function isAuthorized(request: Request, expected: Uint8Array): boolean {
  const bearer = /^bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  const shown = bearer ?? new URL(request.url).searchParams.get("_token") ?? "";
  return timingSafeEqual(digest(shown), expected);
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function toOutage(cause: unknown): Response {
  return cause instanceof RedisUnavailable
    ? json(503, failureJson({ error: `ERR ${cause.message}` }))
    : json(500, failureJson({ error: "ERR internal error" }));
}

function json(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}
