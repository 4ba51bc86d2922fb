import { decodeUtf8WithoutMark } from "@edgepass/shared/crypto";
import { readLimitedBody } from "../loopback.ts";
import { type Bytes, type Command, fromOctets, toBytes } from "./protocol.ts";

/** The command or subscription of a request. */
export type RestCall =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "pipeline" | "transaction"; readonly commands: readonly Command[] }
  | {
    readonly kind: "subscription";
    readonly channels: readonly Bytes[];
    readonly by: "channel" | "pattern";
  };

/** A request that gets an error before it reaches Redis. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly status: number;
  constructor(status: number, message: string) {
    super(`ERR ${message}`);
    this.status = status;
  }
}

/** Reads a request of Upstash's REST API: JSON bodies, path commands, subscriptions. */
export async function readRestCall(request: Request, maxBytes: number): Promise<RestCall> {
  if (!["GET", "HEAD", "POST", "PUT"].includes(request.method)) {
    throw new BadRequest(405, "method not allowed");
  }
  const url = new URL(request.url);
  const body = await readLimitedBody(request, maxBytes, tooLarge);
  const [first = "", ...rest] = readPath(url.pathname);
  switch (first.toLowerCase()) {
    case "":
      return { kind: "command", command: readCommand(parseJson(body, "command")) };
    case "pipeline":
      return { kind: "pipeline", commands: readCommands(parseJson(body, "pipeline request")) };
    case "multi-exec":
      return { kind: "transaction", commands: readCommands(parseJson(body, "transaction")) };
    case "subscribe":
      return { kind: "subscription", channels: requireChannels(rest), by: "channel" };
    case "psubscribe":
      return { kind: "subscription", channels: requireChannels(rest), by: "pattern" };
    default:
      return { kind: "command", command: [first, ...rest, ...readTail(body, url)] };
  }
}

/** `/set/foo?EX=60` with body `bar` is `SET foo bar EX 60`. */
function readTail(body: Uint8Array, { searchParams }: URL): Bytes[] {
  const value = body.length > 0 ? [fromOctets(body)] : [];
  const options = [...searchParams].filter(([name]) => name !== "_token");
  return [...value, ...options.flat().filter((word) => word !== "").map(toBytes)];
}

function readPath(pathname: string): Bytes[] {
  const path = pathname.replace(/^\//, "").replace(/\/$/, "");
  try {
    return path.split("/").map((segment) => toBytes(decodeURIComponent(segment)));
  } catch {
    throw new BadRequest(400, "failed to parse path");
  }
}

function requireChannels(channels: readonly Bytes[]): readonly Bytes[] {
  if (channels.length === 0) throw new BadRequest(400, "channel is missing");
  return channels;
}

function tooLarge(): BadRequest {
  return new BadRequest(413, "max request size exceeded");
}

/** Numbers keep the text they were sent as: 9007199254740993 must not become …992. */
function parseJson(body: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(decodeUtf8WithoutMark(body), (_key, value, context?: { source?: string }) => {
      return typeof value === "number" ? context?.source ?? String(value) : value;
    });
  } catch {
    throw new BadRequest(400, `failed to parse ${what}`);
  }
}

function readCommands(value: unknown): Command[] {
  if (!Array.isArray(value)) throw new BadRequest(400, "failed to parse pipeline request");
  if (value.length === 0) throw new BadRequest(400, "empty pipeline request");
  return value.map(readCommand);
}

function readCommand(value: unknown): Command {
  if (!Array.isArray(value)) throw new BadRequest(400, "failed to parse command");
  if (value.length === 0) throw new BadRequest(400, "empty command");
  return value.map(readWord);
}

function readWord(value: unknown): Bytes {
  if (typeof value === "string") return toBytes(value);
  if (typeof value === "boolean") return String(value);
  throw new BadRequest(400, "arguments must be strings, numbers or booleans");
}
