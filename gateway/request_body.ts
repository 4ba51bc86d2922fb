import { Problem } from "@edgepass/shared/problem";

export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest silence, and longest time in all, in milliseconds. */
  readonly idleMs: number;
  readonly totalMs: number;
}

/** A request body on its way, and why it was cut off if it was. */
export interface LimitedBody {
  readonly stream: ReadableStream<Uint8Array> | null;
  /** The refusal that ended the stream, which the transport would only report as some error. */
  refusal(): Problem | undefined;
}

/**
 * Refuses a compressed body: what it inflates to could not be bounded here.
 *
 * @throws {Problem} `unsupported_media_type`
 */
export function requirePlainBody({ headers }: Request): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new Problem("unsupported_media_type", {
      detail: "Body must not be compressed",
      headers: { "accept-encoding": "identity" },
    });
  }
}

/**
 * Bounds a request body while it streams, so that nothing is buffered.
 *
 * @throws {Problem} `payload_too_large` at once where the length is declared
 */
export function limitRequestBody(request: Request, limits: BodyLimits): LimitedBody {
  const declared = request.headers.get("content-length");
  if (declared !== null && !/^\d+$/.test(declared)) throw new Problem("payload_too_large");
  if (Number(declared ?? 0) > limits.maxBytes) throw new Problem("payload_too_large");
  if (request.body === null) return { stream: null, refusal: () => undefined };
  return meter(request.body, limits);
}

function meter(body: ReadableStream<Uint8Array>, limits: BodyLimits): LimitedBody {
  const reader = body.getReader();
  let refusal: Problem | undefined;
  let bytes = 0;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const cut = (problem: Problem): void => {
    refusal ??= problem;
    reader.cancel(problem).catch(() => {});
  };
  const tooSlow = () => cut(new Problem("request_timeout", { headers: { connection: "close" } }));
  const total = setTimeout(tooSlow, limits.totalMs);
  const stop = (): void => {
    clearTimeout(idle);
    clearTimeout(total);
  };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(idle);
      idle = setTimeout(tooSlow, limits.idleMs);
      try {
        const { done, value } = await reader.read();
        bytes += value?.length ?? 0;
        if (bytes > limits.maxBytes) cut(new Problem("payload_too_large"));
        if (refusal) throw refusal;
        if (!done) return controller.enqueue(value);
        stop();
        controller.close();
      } catch (error) {
        stop();
        controller.error(error);
      }
    },
    cancel(reason) {
      stop();
      return reader.cancel(reason);
    },
  });
  return { stream, refusal: () => refusal };
}
