import { problemMediaType } from "@edgepass/shared/problem";
import { type Failure, failureResponse, readFailure, wantsProblem } from "./failure.ts";
import { createJsonCheck } from "./json_check.ts";
import { readBeginning, readJsonText, withoutMark } from "./json_text.ts";
import {
  type Head,
  isJson,
  join,
  malformedResponse,
  mediaTypeOf,
  readHead,
  resume,
} from "./response_head.ts";

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
/** A service's codes for a Passport that it did not take. */
const passportRefusals: ReadonlySet<string> = new Set(["passport_required", "passport_invalid"]);
const encoder = new TextEncoder();

/** What goes with a service's answer on its way to the client. */
export interface WrapOptions {
  /** The client's headers, already cleaned. */
  readonly headers: Headers;
  readonly traceId: string;
  /** Whether JSON gets the ApiResponse form. */
  readonly envelope: boolean;
}

/**
 * Makes the client's answer of a service's: JSON in the ApiResponse form, the rest byte for byte.
 *
 * The body is spliced in as it is, never parsed and written again. What cannot stand in the form
 * passes without it: the service has done what it was asked, whatever it wrote about it.
 *
 * @throws {Problem} `upstream_bad_response` for a body that breaks off, and for a service that refused
 * the gateway's own Passport: that is our fault and must not log anybody out
 */
export async function wrapResponse(
  request: Request,
  response: Response,
  options: WrapOptions,
): Promise<Response> {
  const { status } = response;
  const { headers, envelope } = options;
  const asProblem = wantsProblem(request);
  const isWrapped = envelope && isJson(headers) && status !== 206 &&
    (isPlain(headers) || hidesText(status, headers));
  if (request.method === "HEAD" || bodiless.has(status)) {
    // A HEAD answer has the headers of the GET answer (RFC 9110 §9.3.2).
    if (isWrapped) describeEnvelope(headers, wrappedType(status, asProblem));
    else if (envelope && status === 304) dropByteHeaders(headers);
    await response.body?.cancel();
    return new Response(null, { status, headers });
  }
  if (isWrapped && status < 400) return await wrapSuccess(response, options);
  if (isWrapped) return await wrapFailure(response, { ...options, asProblem });
  if (status === 401 && mediaTypeOf(headers) === problemMediaType) {
    return await passRefusal(response, headers);
  }
  return new Response(response.body, { status, headers });
}

function wrappedType(status: number, asProblem: boolean): string {
  return status >= 400 && asProblem ? problemMediaType : "application/json";
}

/** The gateway asks for identity, and what `fetch` inflates is inflated; nothing else can be read. */
function isPlain(headers: Headers): boolean {
  return (headers.get("content-encoding") ?? "identity").toLowerCase() === "identity";
}

/** A server error's text is as likely a stack or a query, unless it is problem details. */
function hidesText(status: number, headers: Headers): boolean {
  return status >= 500 && mediaTypeOf(headers) !== problemMediaType;
}

async function wrapSuccess(response: Response, options: WrapOptions): Promise<Response> {
  const { status } = response;
  const { headers, traceId } = options;
  const read = await readHead(response);
  if (read.rest) return streamSuccess(status, { head: read.head, rest: read.rest }, options);
  const json = readJsonText(read.head);
  if (!json) return new Response(read.head, { status, headers });
  describeEnvelope(headers);
  return new Response(`${before}${json.text}${after(traceId)}`, { status, headers });
}

interface FailureOptions extends WrapOptions {
  /** Whether the client asks for problem details. */
  readonly asProblem: boolean;
}

async function wrapFailure(response: Response, options: FailureOptions): Promise<Response> {
  const { status } = response;
  const { headers, traceId, asProblem } = options;
  const { head, rest } = isPlain(headers) ? await readHead(response) : { head: new Uint8Array() };
  // Nothing more of it is used, and the connection must not wait for that.
  (rest ?? response.body)?.cancel().catch(() => {});
  const value = rest ? readBeginning(head) : readJsonText(head)?.value;
  if (value === undefined && !hidesText(status, headers)) {
    return new Response(head, { status, headers });
  }
  const failure = readFailure(status, mediaTypeOf(headers), value);
  refuseOwnFault(failure);
  describeEnvelope(headers);
  return failureResponse(failure, headers, { traceId, asProblem });
}

/** Passes a 401 on as it is, unless it was our Passport that the service did not take. */
async function passRefusal(response: Response, headers: Headers): Promise<Response> {
  const { status } = response;
  const read = await readHead(response);
  const value = read.rest ? readBeginning(read.head) : readJsonText(read.head)?.value;
  refuseOwnFault(readFailure(status, problemMediaType, value));
  return resume({ status, headers }, read);
}

function refuseOwnFault({ status, code }: Pick<Failure, "status" | "code">): void {
  if (status === 401 && passportRefusals.has(code)) {
    throw malformedResponse(`Service answered ${code}`);
  }
}

const before = `{"success":true,"data":`;
const after = (traceId: string): string => `,"traceId":"${traceId}"}`;

/** The envelope carries a trace id, so its bytes differ each time: only weak tags hold. */
function describeEnvelope(headers: Headers, mediaType = "application/json"): void {
  dropByteHeaders(headers);
  headers.delete("content-encoding");
  headers.set("content-type", mediaType);
}

function dropByteHeaders(headers: Headers): void {
  for (const name of byteHeaders) headers.delete(name);
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

function streamSuccess(
  status: number,
  { head, rest }: Required<Head>,
  { headers, traceId }: WrapOptions,
): Response {
  const check = createJsonCheck();
  const start = withoutMark(head);
  if (!isDeclaredUtf8(headers) || !check.take(start)) {
    return resume({ status, headers }, { head, rest });
  }
  describeEnvelope(headers);
  const last = [encoder.encode(after(traceId))];
  const body = join([encoder.encode(before), start], rest, { last, check });
  return new Response(body, { status, headers });
}

/**
 * Whether a body whose end is not there yet can be taken for UTF-8: once a part of it stands in the
 * envelope it can no longer pass without.
 */
function isDeclaredUtf8(headers: Headers): boolean {
  const [, charset = "utf-8"] =
    /;\s*charset="?([^\s";]+)/i.exec(headers.get("content-type") ?? "") ??
      [];
  return ["utf-8", "utf8", "us-ascii"].includes(charset.toLowerCase());
}
