import { parseJson } from "@edgepass/shared/crypto";

/** One invalid value, and where; an empty path is all of it. */
export interface RefusalDetail {
  readonly path: string;
  readonly message: string;
}

/** A request that the dashboard refuses; the message is its response. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What is invalid, path by path. */
  readonly details: readonly RefusalDetail[];

  constructor(
    status: number,
    reason: string,
    headers: Readonly<Record<string, string>> = {},
    details: readonly RefusalDetail[] = [],
  ) {
    super(reason);
    this.status = status;
    this.headers = headers;
    this.details = details;
  }
}

/** The response of a refusal: `{"error"}` with its reason, and `details` where there are any. */
export function toRefusalResponse({ status, message, headers, details }: Refusal): Response {
  const more = details.length === 0 ? {} : { details };
  return toJsonResponse({ error: message, ...more }, { status, headers });
}

/** JSON that must not be cached, and whose type must not be sniffed. */
export function toJsonResponse(
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/**
 * Reads the JSON text of a request.
 *
 * @throws {Refusal} 415 for another media type or a packed body, 413 beyond `maxBytes`
 */
export async function readJsonText(request: Request, maxBytes: number): Promise<string> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Refusal(415, "Only JSON is accepted: content-type application/json");
  }
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new Refusal(415, "Encoded bodies are not accepted");
  const tooLarge = new Refusal(413, `A body may have ${maxBytes} bytes at most`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The value of a request's text. @throws {Refusal} 400 if it is not JSON */
export function parseBody(text: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw new Refusal(400, "The body is not JSON");
  return value;
}
