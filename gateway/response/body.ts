import { Problem } from "@edgepass/shared/problem";
import { decodeUtf8 } from "@edgepass/shared/crypto";
import { concat } from "../request/body.ts";
import type { JsonCheck } from "./json_check.ts";

/** Bodies up to this size are buffered before the client's response begins; larger ones stream. */
export const maxCheckedBytes = 65_536;

const jsonMediaType = /^application\/(?:[\w.-]+\+)?json$/;

/** The media type alone, in lower case; empty where there is none. */
export function mediaTypeOf(headers: Headers): string {
  const [mediaType = ""] = (headers.get("content-type") ?? "").split(";");
  return mediaType.trim().toLowerCase();
}

/** Whether a body is one JSON document of any kind: neither JSON lines nor an event stream. */
export function isJson(headers: Headers): boolean {
  return jsonMediaType.test(mediaTypeOf(headers));
}

/** Whether a body is a stream of server-sent events. */
export function isEventStream(headers: Headers): boolean {
  return mediaTypeOf(headers) === "text/event-stream";
}

/** A truncated upstream response: the upstream failed, as if it had sent no response at all. */
class TruncatedResponseError extends Error {
  override readonly name = "TruncatedResponseError";
}

/**
 * Whether a problem is a truncated upstream response, and not the gateway's own judgement of it.
 */
export function isTruncation(error: unknown): boolean {
  return error instanceof Problem && error.cause instanceof TruncatedResponseError;
}

/** A response that ended before its end; it counts as the upstream's failure. */
export function truncatedResponse(why: string, cause?: unknown): Problem {
  return new Problem("upstream_bad_response", {
    cause: new TruncatedResponseError(why, { cause }),
  });
}

/** A service's response that the gateway cannot use. */
export function malformedResponse(why: string, cause?: unknown): Problem {
  return new Problem("upstream_bad_response", { cause: new Error(why, { cause }) });
}

/** The beginning of a body. */
export interface Head {
  readonly head: Uint8Array<ArrayBuffer>;
  /** The reader of what follows `head`, where there is more. */
  readonly rest?: ReadableStreamDefaultReader<Uint8Array>;
}

/**
 * Reads a body up to the size that is checked.
 *
 * @throws {Problem} `upstream_bad_response` for a truncated body
 */
export async function readHead(response: Response): Promise<Head> {
  const declared = readLength(response.headers);
  try {
    if (response.body === null) return { head: new Uint8Array() };
    // With a declared length the runtime reads everything at once, and checks the length. That of a
    // compressed body says nothing of the inflated one, which would then be read without a limit.
    const isInflated = response.headers.has("content-encoding");
    if (declared <= maxCheckedBytes && !isInflated) {
      return { head: new Uint8Array(await response.arrayBuffer()) };
    }
    return await readSome(response.body.getReader());
  } catch (cause) {
    throw truncatedResponse("Response ended before its end", cause);
  }
}

/**
 * NaN for an invalid length: an empty one would be read as 0, and the body then without a limit.
 */
function readLength(headers: Headers): number {
  const declared = headers.get("content-length") ?? "";
  return /^\d+$/.test(declared) ? Number(declared) : Number.NaN;
}

async function readSome(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Head> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length <= maxCheckedBytes) {
    const { done, value } = await reader.read();
    if (done) return { head: concat(chunks) };
    chunks.push(value);
    length += value.length;
  }
  return { head: concat(chunks), rest: reader };
}

/** The same response, rebuilt after its head was read. */
export function resume(
  { status, headers }: Pick<Response, "status" | "headers">,
  { head, rest }: Head,
): Response {
  return new Response(rest ? join([head], rest) : head, { status, headers });
}

/**
 * Joins the parts into one stream. An error of `rest`, or a body that `check` refuses, becomes an
 * error of the stream, so that a truncated body never looks complete.
 */
export function join(
  first: readonly Uint8Array[],
  rest: ReadableStreamDefaultReader<Uint8Array>,
  { last = [], check }: JoinOptions = {},
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of first) controller.enqueue(chunk);
    },
    async pull(controller) {
      const { done, value } = await rest.read();
      if (check && !(done ? check.isComplete() : check.take(value))) {
        rest.cancel().catch(() => {});
        throw new TypeError("Response is not JSON");
      }
      if (!done) return controller.enqueue(value);
      for (const chunk of last) controller.enqueue(chunk);
      controller.close();
    },
    cancel: (reason) => rest.cancel(reason),
  });
}

interface JoinOptions {
  readonly last?: readonly Uint8Array[];
  /** The check has already read those first parts that belong to the body. */
  readonly check?: JsonCheck;
}

/** A body read as JSON. */
export interface JsonText {
  /** The document as received, without a byte order mark; `null` for a body without content. */
  readonly text: string;
  readonly value: unknown;
}

const byteOrderMark = [0xef, 0xbb, 0xbf] as const;
/** White space of JSON (RFC 8259 §2); any other white space is content. */
const blank = /^[ \t\r\n]*$/;

/**
 * The bytes without the byte order mark, which parsers may ignore (RFC 8259 §8.1) and most refuse.
 */
export function withoutByteOrderMark(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return byteOrderMark.every((byte, at) => bytes[at] === byte) ? bytes.subarray(3) : bytes;
}

/**
 * Reads a body as JSON; undefined if it is not JSON.
 *
 * A declared charset is ignored: JSON has none (RFC 8259 §11), and text in another encoding is
 * hardly ever valid UTF-8 by accident. A body without content is a valid response (RFC 9110 §6.4):
 * `null`.
 */
export function readJsonText(bytes: Uint8Array<ArrayBuffer>): JsonText | undefined {
  try {
    const text = decodeUtf8(withoutByteOrderMark(bytes));
    return blank.test(text) ? { text: "null", value: null } : { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A token of JSON after white space: a string, a bracket, comma or colon, or anything else. */
const token = /[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([{}[\],:])|([^\s"{}[\],:]+))/y;

/**
 * The complete text members at the beginning of a truncated object. For a failure that is too long
 * to read they usually contain its code and message.
 */
export function readBeginning(bytes: Uint8Array<ArrayBuffer>): Readonly<Record<string, unknown>> {
  const members = new Map<string, unknown>();
  const text = new TextDecoder().decode(withoutByteOrderMark(bytes));
  const path: string[] = [];
  let name: string | undefined;
  let isValue = false;
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, quoted, mark = ""] = match;
    const isTop = path.length === 1 && path[0] === "{";
    if (quoted !== undefined && isTop) {
      if (!isValue) name = readString(quoted);
      else if (name !== undefined) members.set(name, readString(quoted));
    }
    if (mark === "{" || mark === "[") path.push(mark);
    else if (mark === "}" || mark === "]") path.pop();
    if (path.length === 0) break;
    if (isTop && (mark === ":" || mark === ",")) isValue = mark === ":";
  }
  return Object.fromEntries(members);
}

function readString(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}
