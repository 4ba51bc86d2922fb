import { problemMediaType } from "@edgepass/shared/problem";
import { failureResponse, readFailure, wantsProblem } from "./failure.ts";
import { badResponse, type Head, isJson, join, mediaTypeOf, readHead } from "./response_head.ts";

/** Statuses that have no body (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
const bodiless = new Set([204, 205, 304]);
/** These speak of the bare body's bytes, which the client does not get. */
const byteHeaders = [
  "content-length",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** What goes with a service's answer on its way to the client. */
export interface AnswerOptions {
  /** The client's headers, already cleaned. */
  readonly headers: Headers;
  readonly traceId: string;
  /** Whether JSON gets the ApiResponse form. */
  readonly envelope: boolean;
}

/**
 * Makes the client's answer of a service's: JSON in the ApiResponse form, the rest byte for byte.
 *
 * The body is spliced in as it is, never parsed and written again.
 *
 * @throws {Problem} `upstream_bad_response` for a broken JSON body, and for a service that refused
 * the gateway's own Passport: that is our fault and must not log anybody out
 */
export async function answer(
  request: Request,
  response: Response,
  options: AnswerOptions,
): Promise<Response> {
  const { status } = response;
  const { headers, envelope } = options;
  const mediaType = mediaTypeOf(headers);
  const isWrapped = envelope && isJson(headers) && status !== 206;
  if (isWrapped || (envelope && status === 304)) describeEnvelope(headers);
  if (request.method === "HEAD" || bodiless.has(status)) {
    // A HEAD answer has the headers of the GET answer (RFC 9110 §9.3.2).
    if (isWrapped) headers.set("content-type", wrappedType(request, status));
    await response.body?.cancel();
    return new Response(null, { status, headers });
  }
  if (isWrapped) return await wrap(request, response, mediaType, options);
  if (status === 401 && mediaType === problemMediaType) return await passRefusal(response, headers);
  return new Response(response.body, { status, headers });
}

function wrappedType(request: Request, status: number): string {
  return status >= 400 && wantsProblem(request) ? problemMediaType : "application/json";
}

async function wrap(
  request: Request,
  response: Response,
  mediaType: string,
  { headers, traceId }: AnswerOptions,
): Promise<Response> {
  const { status } = response;
  // Asked for identity, and what `fetch` inflates is inflated: nothing else could be spliced.
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    await response.body?.cancel();
    throw badResponse("Service compressed its answer");
  }
  const { head, rest } = await readHead(response);
  if (rest) {
    if (status < 400) return streamSuccess(status, headers, { head, rest, traceId });
    rest.cancel().catch(() => {});
    throw badResponse("Service's failure is larger than any that a client can read");
  }
  const { text, value } = readJson(head);
  if (status < 400) {
    headers.set("content-type", "application/json");
    return new Response(`${before}${text}${after(traceId)}`, { status, headers });
  }
  const failure = readFailure(status, mediaType, value);
  refuseOwnFault(failure.code);
  return failureResponse(failure, headers, { traceId, asProblem: wantsProblem(request) });
}

/** Passes a 401 on as it is, unless it was our Passport that the service did not take. */
async function passRefusal(response: Response, headers: Headers): Promise<Response> {
  const { status } = response;
  const { head, rest } = await readHead(response);
  if (rest) return new Response(join([head], rest, []), { status, headers });
  const { value } = readJson(head);
  refuseOwnFault(readFailure(status, problemMediaType, value).code);
  return new Response(head, { status, headers });
}

function refuseOwnFault(code: string): void {
  if (code.startsWith("passport_")) throw badResponse(`Service said ${code}`);
}

const before = `{"success":true,"data":`;
const after = (traceId: string): string => `,"traceId":"${traceId}"}`;

/** The envelope carries a trace id, so its bytes differ each time: only weak tags hold. */
function describeEnvelope(headers: Headers): void {
  for (const name of byteHeaders) headers.delete(name);
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

function readJson(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    const text = utf8.decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    throw badResponse("Service's answer is no JSON", cause);
  }
}

function streamSuccess(
  status: number,
  headers: Headers,
  { head, rest, traceId }: Required<Head> & { traceId: string },
): Response {
  headers.set("content-type", "application/json");
  const end = encoder.encode(after(traceId));
  return new Response(join([encoder.encode(before), head], rest, [end]), { status, headers });
}
