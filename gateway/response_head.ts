import { Problem } from "@edgepass/shared/problem";
import { concat } from "./bytes.ts";

/** Bodies up to this size are checked to be JSON; larger ones stream inside the envelope unchecked. */
export const maxCheckedBytes = 65_536;

const jsonMediaType = /^application\/(?:[\w.-]+\+)?json$/;

/** The media type alone, in lower case; empty where there is none. */
export function mediaTypeOf(headers: Headers): string {
  const [mediaType = ""] = (headers.get("content-type") ?? "").split(";");
  return mediaType.trim().toLowerCase();
}

/** Whether a body is JSON of any kind, and whole: not lines of it, and no stream of events. */
export function isJson(headers: Headers): boolean {
  return jsonMediaType.test(mediaTypeOf(headers));
}

/** A service's answer that is of no use. */
export function badResponse(why: string, cause?: unknown): Problem {
  return new Problem("upstream_bad_response", { cause: new Error(why, { cause }) });
}

/** The beginning of a body. */
export interface Head {
  readonly head: Uint8Array<ArrayBuffer>;
  /** There is more; what was read so far is in `head`. */
  readonly rest?: ReadableStreamDefaultReader<Uint8Array>;
}

/**
 * Reads a body up to the size that is checked.
 *
 * @throws {Problem} `upstream_bad_response` for one that breaks off
 */
export async function readHead(response: Response): Promise<Head> {
  const declared = Number(response.headers.get("content-length") ?? Number.NaN);
  try {
    if (response.body === null) return { head: new Uint8Array() };
    // Where the length is declared the runtime reads in one go, and checks the length.
    if (declared <= maxCheckedBytes) return { head: new Uint8Array(await response.arrayBuffer()) };
    return await readSome(response.body.getReader());
  } catch (cause) {
    throw badResponse("Service's answer broke off", cause);
  }
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

/** The same answer once more, after its head was read. */
export function resume({ status, headers }: Response, { head, rest }: Head): Response {
  return new Response(rest ? join([head], rest, []) : head, { status, headers });
}

/** An error of `rest` becomes the stream's, so that a part never passes for the whole. */
export function join(
  first: readonly Uint8Array[],
  rest: ReadableStreamDefaultReader<Uint8Array>,
  last: readonly Uint8Array[],
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of first) controller.enqueue(chunk);
    },
    async pull(controller) {
      const { done, value } = await rest.read();
      if (!done) return controller.enqueue(value);
      for (const chunk of last) controller.enqueue(chunk);
      controller.close();
    },
    cancel: (reason) => rest.cancel(reason),
  });
}
