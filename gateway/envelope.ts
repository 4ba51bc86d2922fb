import {
  defaultHeaders,
  isProblemCode,
  Problem,
  problemCodes,
  problemMediaType,
  toProblemDocument,
} from "@edgepass/shared/problem";

/** What a failure tells the client, in either form. */
interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: readonly unknown[];
}

/** Bodies up to this size are checked to be JSON; larger ones stream inside the envelope unchecked. */
const maxCheckedBytes = 65_536;

const bodiless = new Set([204, 205, 304]);
const jsonMediaType = /^application\/(?:[\w.-]+\+)?json$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Whether the client asks for problem details instead of the envelope (RFC 9457). */
export function wantsProblem(request: Request): boolean {
  return (request.headers.get("accept") ?? "").toLowerCase().includes(problemMediaType);
}

/** A refusal of the gateway itself, in the form the client asks for. */
export function failureResponse(
  problem: Problem,
  { traceId, asProblem }: { traceId: string; asProblem: boolean },
): Response {
  const headers = new Headers({ ...defaultHeaders(problem), ...problem.headers });
  headers.set("cache-control", "no-store");
  if (asProblem) {
    headers.set("content-type", problemMediaType);
    const body = JSON.stringify(toProblemDocument(problem, traceId));
    return new Response(body, { status: problem.status, headers });
  }
  const { status, code, detail, title, details } = problem;
  return envelope({ status, code, message: detail ?? title, details }, headers, traceId);
}

/**
 * Puts a service's answer into the ApiResponse form, and leaves alone what is not JSON.
 *
 * The body is spliced in byte by byte, never parsed and written again. `headers` are the client's, already
 * cleaned.
 *
 * @throws {Problem} `upstream_bad_response` for a broken JSON body, and for a service that refused
 * the gateway's own Passport: that is our fault and must not log anybody out
 */
export async function wrap(
  request: Request,
  response: Response,
  { headers, traceId }: { headers: Headers; traceId: string },
): Promise<Response> {
  const { status } = response;
  const mediaType = (headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  const wrapped = jsonMediaType.test(mediaType) && status !== 206 && !bodiless.has(status);
  if (!wrapped || request.method === "HEAD") {
    if (wrapped) headers.delete("content-length");
    return new Response(response.body, { status, headers });
  }
  headers.delete("content-length");
  weakenTag(headers);
  const { head, rest } = await readHead(response);
  if (rest) return stream(status, headers, { head, rest, traceId });
  const text = readJson(head);
  if (status < 400) {
    headers.set("content-type", "application/json");
    return new Response(success(text, traceId), { status, headers });
  }
  const failure = readFailure(status, JSON.parse(text));
  if (failure.code.startsWith("passport_")) {
    throw new Problem("upstream_bad_response", {
      cause: new Error(`Service said ${failure.code}`),
    });
  }
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return wantsProblem(request)
    ? problemDetails(failure, headers, traceId)
    : envelope(failure, headers, traceId);
}

function success(text: string, traceId: string): string {
  return `{"success":true,"data":${text},"traceId":"${traceId}"}`;
}

function envelope(failure: Failure, headers: Headers, traceId: string): Response {
  const { status, code, message, details } = failure;
  const error = details.length === 0 ? { code, message } : { code, message, details };
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify({ success: false, error, traceId }), { status, headers });
}

function problemDetails(failure: Failure, headers: Headers, traceId: string): Response {
  const { status, code, message, details } = failure;
  headers.set("content-type", problemMediaType);
  const title = isProblemCode(code) ? problemCodes[code][1] : message;
  const body = {
    type: `urn:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    traceId,
    ...(details.length === 0 ? {} : { errors: details }),
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** The envelope carries a trace id, so its bytes differ each time: only weak tags hold. */
function weakenTag(headers: Headers): void {
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

interface Head {
  readonly head: Uint8Array<ArrayBuffer>;
  /** There is more; what was read so far is in `head`. */
  readonly rest?: ReadableStreamDefaultReader<Uint8Array>;
}

async function readHead(response: Response): Promise<Head> {
  const declared = Number(response.headers.get("content-length") ?? Number.NaN);
  try {
    if (response.body === null) return { head: new Uint8Array() };
    // Where the length is declared the runtime reads in one go, and checks the length.
    if (declared <= maxCheckedBytes) return { head: new Uint8Array(await response.arrayBuffer()) };
    return await readSome(response.body.getReader());
  } catch (cause) {
    throw new Problem("upstream_bad_response", { cause });
  }
}

async function readSome(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Head> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length <= maxCheckedBytes) {
    const { done, value } = await reader.read();
    if (done) return { head: concat(chunks, length) };
    chunks.push(value);
    length += value.length;
  }
  return { head: concat(chunks, length), rest: reader };
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function readJson(bytes: Uint8Array): string {
  try {
    const text = utf8.decode(bytes);
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new Problem("upstream_bad_response", { cause });
  }
}

/** Only a success streams: a failure of that size would be no failure a client can read. */
function stream(
  status: number,
  headers: Headers,
  { head, rest, traceId }: {
    head: Uint8Array;
    rest: ReadableStreamDefaultReader<Uint8Array>;
    traceId: string;
  },
): Response {
  const [before, after] = [`{"success":true,"data":`, `,"traceId":"${traceId}"}`];
  if (status >= 400) {
    rest.cancel().catch(() => {});
    throw new Problem("upstream_bad_response");
  }
  headers.set("content-type", "application/json");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(before));
      controller.enqueue(head);
    },
    async pull(controller) {
      const { done, value } = await rest.read();
      if (!done) return controller.enqueue(value);
      controller.enqueue(encoder.encode(after));
      controller.close();
    },
    cancel: (reason) => rest.cancel(reason),
  });
  return new Response(body, { status, headers });
}

const codePattern = /^[a-z][a-z0-9_]{0,63}$/;

/** Reads problem details, or whatever JSON a foreign service has for errors. */
function readFailure(status: number, body: unknown): Failure {
  const fields = typeof body === "object" && body !== null ? body as Record<string, unknown> : {};
  const code = typeof fields.code === "string" && codePattern.test(fields.code)
    ? fields.code
    : codeOf(status);
  const texts = [fields.detail, fields.message, fields.title, fields.error];
  const message = texts.find((text) => typeof text === "string" && text !== "");
  const details = [fields.errors, fields.details].find(Array.isArray) ?? [];
  return { status, code, message: typeof message === "string" ? message : titleOf(code), details };
}

/** The code that stands for a status where the service names none; the first one listed. */
function codeOf(status: number): string {
  if (status === 401) return "authentication_required";
  if (status === 409) return "conflict";
  const known = Object.entries(problemCodes).find(([, [ofCode]]) => ofCode === status);
  return known?.[0] ?? (status >= 500 ? "upstream_bad_response" : "validation_failed");
}

function titleOf(code: string): string {
  return isProblemCode(code) ? problemCodes[code][1] : "Request was refused";
}
