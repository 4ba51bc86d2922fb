import { Problem } from "@edgepass/shared/problem";

export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest time without a byte, and longest time in total, in milliseconds. */
  readonly idleMs: number;
  readonly totalMs: number;
}

/** A request body in transit, and the reason if it was cut off. */
export interface LimitedBody {
  readonly content: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  /** Whether the upstream waits for the client's next bytes: that delay is not the upstream's. */
  isAwaited(): boolean;
  /** Calls `listener` for each part that the client sent. */
  onPart(listener: () => void): void;
  /** The refusal that ended the stream; the transport would report it as an unspecific error. */
  refusal(): Problem | undefined;
}

/**
 * Bodies with a declared length up to this one are buffered, so that they are sent with a
 * `Content-Length`: some simple servers treat a chunked request as empty. Others stream in chunks.
 */
const maxReadBytes = 65_536;

/**
 * Limits a request body in size and time; a large one streams and is never buffered.
 *
 * Content of GET and HEAD has no meaning (RFC 9110 §9.3.1) and is dropped.
 *
 * @throws {Problem} `payload_too_large` at once where the length is declared,
 * `unsupported_media_type` for a compressed body where a plain one is required, `request_timeout`,
 * `client_closed_request`
 */
export async function readRequestBody(
  request: Request,
  { plain, ...limits }: BodyLimits & { readonly plain: boolean },
): Promise<LimitedBody> {
  const { method, headers } = request;
  const declared = Number(headers.get("content-length") ?? Number.NaN);
  if (declared > limits.maxBytes) throw new Problem("payload_too_large");
  if (plain) requirePlain(headers);
  if (request.body === null || method === "GET" || method === "HEAD") return empty;
  const parts = meter(request.body, limits);
  const content = declared <= maxReadBytes ? await readAll(parts) : toStream(parts);
  return { content, isAwaited: parts.isAwaited, onPart: parts.onPart, refusal: parts.refusal };
}

const empty: LimitedBody = {
  content: null,
  isAwaited: () => false,
  onPart: () => {},
  refusal: () => undefined,
};

/**
 * A compressed body could exceed the size limit after decompression, which the gateway cannot
 * check.
 */
function requirePlain(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding === null || encoding.toLowerCase() === "identity") return;
  throw new Problem("unsupported_media_type", {
    detail: "Body must not be compressed",
    headers: { "accept-encoding": "identity" },
  });
}

interface UnboundedBody extends Omit<LimitedBody, "content"> {
  /** The next part, or undefined at the end; throws the refusal. */
  next(): Promise<Uint8Array | undefined>;
  cancel(reason: unknown): Promise<void>;
}

function meter(body: ReadableStream<Uint8Array>, limits: BodyLimits): UnboundedBody {
  const reader = body.getReader();
  let refusal: Problem | undefined;
  let bytes = 0;
  let awaited = false;
  let total: ReturnType<typeof setTimeout> | undefined;
  let notify = (): void => {};

  function cut(problem: Problem): void {
    refusal ??= problem;
    reader.cancel(problem).catch(() => {});
  }
  /** A failed read means that the client disconnected: the runtime has no other reason. */
  function endOfClient(cause: unknown): never {
    throw refusal ??= new Problem("client_closed_request", { cause });
  }
  const tooSlow = () => cut(new Problem("request_timeout", { headers: { connection: "close" } }));

  async function next(): Promise<Uint8Array | undefined> {
    // Starts at the first read: while the upstream does not read, the delay is not the client's.
    total ??= setTimeout(tooSlow, limits.totalMs);
    const idle = setTimeout(tooSlow, limits.idleMs);
    awaited = true;
    let ended = true;
    try {
      const { value } = await reader.read().catch(endOfClient);
      bytes += value?.length ?? 0;
      if (bytes > limits.maxBytes) cut(new Problem("payload_too_large"));
      if (refusal) throw refusal;
      ended = value === undefined;
      return value;
    } finally {
      awaited = false;
      clearTimeout(idle);
      if (ended) clearTimeout(total);
      notify();
    }
  }

  return {
    next,
    cancel(reason) {
      clearTimeout(total);
      return reader.cancel(reason);
    },
    isAwaited: () => awaited,
    onPart: (listener) => notify = listener,
    refusal: () => refusal,
  };
}

async function readAll(parts: UnboundedBody): Promise<Uint8Array<ArrayBuffer>> {
  const read: Uint8Array[] = [];
  for (let part = await parts.next(); part; part = await parts.next()) read.push(part);
  return concat(read);
}

/**
 * Without a buffer: a part is read only when the upstream takes it, so backpressure reaches the
 * client.
 */
function toStream(parts: UnboundedBody): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const part = await parts.next();
      if (part) controller.enqueue(part);
      else controller.close();
    },
    cancel: (reason) => parts.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Joins parts into one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
